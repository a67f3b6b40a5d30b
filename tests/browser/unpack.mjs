// Unpacks the browser that @sparticuz/chromium carries into the folder named on the command line. Its own way to unpack
// takes a name in the shared temporary folder, and leaves out the libraries anywhere but on one cloud's machines.
import { createReadStream, createWriteStream } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createBrotliDecompress } from 'node:zlib';

const packed = join(dirname(fileURLToPath(import.meta.url)), 'node_modules/@sparticuz/chromium/bin');
const place = process.argv[2];

for (const name of ['chromium', 'al2023.tar', 'fonts.tar']) {
  await pipeline(createReadStream(join(packed, `${name}.br`)), createBrotliDecompress(), createWriteStream(join(place, name)));
}
