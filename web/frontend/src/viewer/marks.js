import { make } from '../diagram/dom.js';

const MARKERS = { active: 'gw-active', done: 'gw-done', incident: 'gw-incident', path: 'gw-path' };

/** What is drawn on top of a diagram: outlines, token counts, incidents, links. */
export class Marks {
  #viewer;
  #marked = [];
  #outlined = null;

  /** @param {import('bpmn-js/lib/NavigatedViewer').default} viewer */
  constructor(viewer) {
    this.#viewer = viewer;
  }

  /**
   * Draw a state instead of the one drawn before; ids that the diagram does not have are left out.
   *
   * @param {import('./live-diagram.js').State} state
   * @returns {string[]} the kinds of mark in it
   */
  draw(state) {
    const canvas = this.#viewer.get('canvas');
    const overlays = this.#viewer.get('overlays');
    for (const [id, marker] of this.#marked) canvas.removeMarker(id, marker);
    this.#marked = [];
    overlays.remove({ type: 'gatewright' });

    const kinds = {
      path: state.path,
      done: state.done,
      active: Object.keys(state.active),
      incident: Object.keys(state.incidents)
    };
    for (const [kind, ids] of Object.entries(kinds)) {
      for (const id of ids) this.#mark(id, MARKERS[kind]);
    }
    for (const [id, count] of Object.entries(state.active)) {
      this.#badge(id, { top: -12, left: -10 }, make('span', { class: 'gw-mark gw-mark-active', title: `${count} here now` }, String(count)));
    }
    for (const [id, reason] of Object.entries(state.incidents)) {
      this.#badge(id, { top: -12, right: 12 }, make('span', { class: 'gw-mark gw-mark-incident', title: reason }, '!'));
    }
    for (const [id, { text, heat }] of Object.entries(state.times)) {
      this.#mark(id, `gw-heat-${heat}`);
      this.#badge(id, { bottom: 10, right: 12 }, make('span', { class: 'gw-mark gw-mark-time', title: `${text} of waiting` }, text));
    }
    for (const [id, link] of Object.entries(state.links)) {
      this.#badge(id, { bottom: 10, left: 8 }, make('a', { class: 'gw-mark gw-mark-link', href: link.url }, link.text));
    }
    return Object.keys(kinds).filter(kind => kinds[kind].some(id => this.#has(id)));
  }

  /** Outline one element, or none. */
  outline(element) {
    const canvas = this.#viewer.get('canvas');
    if (this.#outlined) canvas.removeMarker(this.#outlined, 'gw-shown');
    this.#outlined = element;
    if (element) canvas.addMarker(element, 'gw-shown');
  }

  #has(id) {
    return Boolean(this.#viewer.get('elementRegistry').get(id));
  }

  #mark(id, marker) {
    if (!this.#has(id)) return;
    this.#viewer.get('canvas').addMarker(id, marker);
    this.#marked.push([id, marker]);
  }

  #badge(id, position, html) {
    if (this.#has(id)) this.#viewer.get('overlays').add(id, 'gatewright', { position, html });
  }
}
