/** @param {any} registry @param {string} id @returns {string} an element's name, or its id where it has none */
function named(registry, id) {
  return registry.get(id)?.businessObject.name || id;
}

/**
 * The state as a sentence: what the colours of the diagram say, for those who do not see them.
 *
 * @param {import('./live-diagram.js').State} state
 * @param {any} registry bpmn-js' element registry
 * @returns {string}
 */
export function inWords(state, registry) {
  const active = Object.entries(state.active).map(([id, count]) => named(registry, id) + (count > 1 ? ` (${count})` : ''));
  const incidents = Object.entries(state.incidents).map(([id, reason]) => `${named(registry, id)}: ${reason}`);
  const parts = [];
  if (active.length) parts.push(`Now at ${active.join(', ')}.`);
  const times = Object.entries(state.times).sort(([, one], [, other]) => other.heat - one.heat).slice(0, 3);
  if (times.length) parts.push(`Most was waited at ${times.map(([id, { text }]) => `${named(registry, id)} (${text})`).join(', ')}.`);
  if (incidents.length) parts.push(`Failed: ${incidents.join('; ')}`);
  return parts.join(' ');
}
