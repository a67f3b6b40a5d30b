const TYPES = { string: 'str', integer: 'int', number: 'float', boolean: 'bool', array: 'list', object: 'dict' };

/**
 * One parameter of a handler, as its JSON Schema tells.
 *
 * @typedef {object} ParameterInfo
 * @property {string} name
 * @property {string} label
 * @property {string} type str, int, float, bool, list, dict or any
 * @property {string} hint
 * @property {boolean} required
 * @property {boolean} hasDefault
 * @property {unknown} default
 * @property {unknown[]} choices values of an enumeration or of a boolean; empty where anything goes
 */

/**
 * The parameters that a schema (as pydantic writes it) declares, in its order.
 *
 * @param {any} schema
 * @returns {ParameterInfo[]}
 */
export function parametersOf(schema) {
  const required = new Set(schema?.required ?? []);
  return Object.entries(schema?.properties ?? {}).map(([name, raw]) => {
    const property = resolved(raw, schema);
    const type = TYPES[property.type] ?? 'any';
    return {
      name,
      label: property.title ?? name,
      type,
      hint: property.description ?? '',
      required: required.has(name),
      hasDefault: 'default' in property,
      default: property.default,
      choices: type === 'bool' ? [true, false] : (property.enum ?? ('const' in property ? [property.const] : []))
    };
  });
}

/** A property without its indirections: a reference into $defs, and a union with null or of one. */
function resolved(property, schema) {
  const { $ref, anyOf, allOf, ...own } = property;
  if ($ref) return { ...resolved(schema.$defs?.[$ref.split('/').pop()] ?? {}, schema), ...own };
  const [first] = (anyOf ?? allOf ?? []).filter(option => option.type !== 'null');
  return first ? { ...resolved(first, schema), ...own } : own;
}
