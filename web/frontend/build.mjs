// Bundles src/ into ../static/dist: one script and one style sheet a page, shared chunks, a manifest, and the notices.
import { build } from 'esbuild';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, '..', 'static', 'dist');

/** Each page's entry: the name that templates ask for, and where its module starts. */
const entries = {
  theme: 'src/theme/index.js',
  app: 'src/app/index.js',
  viewer: 'src/viewer/index.js',
  modeler: 'src/modeler/index.js'
};

/**
 * The address of each entry's script and style sheet by the plain name that templates use.
 *
 * @param {import('esbuild').Metafile} metafile
 * @returns {Record<string, string>}
 */
function manifest(metafile) {
  const names = {};
  for (const [path, output] of Object.entries(metafile.outputs)) {
    if (!output.entryPoint) continue;
    const name = Object.keys(entries).find(key => entries[key] === output.entryPoint);
    names[`${name}.js`] = basename(path);
    if (output.cssBundle) names[`${name}.css`] = basename(output.cssBundle);
  }
  return names;
}

/**
 * The npm packages of which at least one byte is in the bundle, by their folder in the lock file.
 *
 * @param {import('esbuild').Metafile} metafile
 * @returns {string[]}
 */
function bundledPackages(metafile) {
  const folders = new Set();
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, share] of Object.entries(output.inputs)) {
      const found = input.match(/^(?:.*node_modules\/)(?:@[^/]+\/)?[^/]+/);
      // A font or picture is an output of its own, with a share of 0 bytes in the style sheet that names it.
      if (found && (share.bytesInOutput > 0 || !input.endsWith('.js'))) folders.add(found[0]);
    }
  }
  return [...folders].sort();
}

/** The text of a package's licence file, or a line that says that it ships none. */
function licenceText(folder) {
  const file = readdirSync(join(here, folder)).find(name => /^(licen[cs]e|copying)(\.|$)/i.test(name));
  return file ? readFileSync(join(here, folder, file), 'utf8').trim() : '(The package ships no licence file.)';
}

/**
 * The third-party notice: name, version and licence as the lock file has them, with each package's own text.
 *
 * @param {import('esbuild').Metafile} metafile
 * @returns {string}
 */
function notice(metafile) {
  const lock = JSON.parse(readFileSync(join(here, 'package-lock.json'), 'utf8'));
  const parts = bundledPackages(metafile).map(folder => {
    const { version, license } = lock.packages[folder];
    // Some packages name their licence in package.json in a way that the lock file leaves out.
    const title = `${folder.replace(/^.*node_modules\//, '')} ${version} (${license ?? 'see below'})`;
    return `${title}\n${'-'.repeat(title.length)}\n\n${licenceText(folder)}\n`;
  });
  return `Gatewright's pages contain these packages, each under its own licence.\n\n${parts.join('\n\n')}`;
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: Object.entries(entries).filter(([, path]) => existsSync(join(here, path))).map(([out, path]) => ({ in: path, out })),
  outdir: dist,
  bundle: true,
  splitting: true,
  format: 'esm',
  target: ['chrome111', 'firefox115', 'safari16.4'],
  minify: true,
  metafile: true,
  entryNames: '[name]-[hash]',
  chunkNames: 'chunk-[hash]',
  assetNames: '[name]-[hash]',
  legalComments: 'linked',
  logLevel: 'warning',
  loader: { '.woff': 'file', '.woff2': 'file', '.ttf': 'file', '.eot': 'file', '.svg': 'file' }
});

writeFileSync(join(dist, 'manifest.json'), JSON.stringify(manifest(metafile), null, 2) + '\n');
writeFileSync(join(dist, 'THIRD-PARTY.txt'), notice(metafile));
