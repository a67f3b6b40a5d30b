import { make } from '../diagram/dom.js';

/** @param {string} type e.g. bpmn:UserTask @returns {string} e.g. user task */
function kindInWords(type) {
  return type.replace(/^bpmn:/, '').replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}

/**
 * What an element is and how it stands.
 *
 * @param {any} element a shape or connection of bpmn-js
 * @param {import('./live-diagram.js').State} state
 * @returns {HTMLElement[]}
 */
export function describeElement(element, state) {
  const { id, name, documentation } = element.businessObject;
  const standing = [];
  if (state.active[id]) standing.push(state.active[id] === 1 ? 'here now' : `${state.active[id]} here now`);
  if (state.done.includes(id)) standing.push('done');
  const lines = [make('p', {}, make('strong', {}, name || id), `, ${[kindInWords(element.type), ...standing].join(', ')} `, make('span', { class: 'gw-code text-muted' }, id))];
  for (const { text } of documentation ?? []) lines.push(make('p', {}, text));
  if (state.incidents[id]) lines.push(make('p', { class: 'gw-notice', 'data-state': 'failed' }, state.incidents[id]));
  return lines;
}
