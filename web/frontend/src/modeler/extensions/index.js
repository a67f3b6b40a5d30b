import { ExtensionElements } from './extension-elements.js';
import { NamedProperties } from './named-properties.js';
import { Operator } from './operator.js';

export { default as descriptor } from './spiffworkflow.json';

/** What the diagram says in the spiffworkflow namespace, read and written through the command stack. */
export const ExtensionsModule = {
  gatewrightExtensions: ['type', ExtensionElements],
  gatewrightOperator: ['type', Operator],
  gatewrightProperties: ['type', NamedProperties]
};
