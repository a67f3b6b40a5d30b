import NavigatedViewer from 'bpmn-js/lib/NavigatedViewer';

import { json, text } from '../diagram/answers.js';
import { make } from '../diagram/dom.js';
import { fit } from '../diagram/fit.js';
import { follow } from '../live/changes.js';
import { describeElement } from './element-description.js';
import { Marks } from './marks.js';
import { inWords } from './state-in-words.js';

/**
 * Where an instance stands, as `data-state-url` answers.
 *
 * @typedef {object} State
 * @property {Record<string, number>} [active] tokens by element id
 * @property {string[]} [done] elements that were completed
 * @property {Record<string, string>} [incidents] what failed, by element id
 * @property {string[]} [path] elements and flows to highlight
 * @property {Record<string, {text: string, heat: number}>} [times] how long was waited, by element id; heat is 1 to 4
 * @property {Record<string, {url: string, text: string}>} [links] where an element leads, e.g. to a called instance
 */

/** @type {State} */
const NOTHING = { active: {}, done: [], incidents: {}, path: [], times: {}, links: {} };

const LEGEND = { active: 'here now', done: 'done', incident: 'failed', path: 'path' };

/** A diagram that shows where an instance stands, and keeps showing it as the server tells of changes. */
export class LiveDiagram {
  /** @param {HTMLElement} place an element with data-xml-url, and data-state-url and data-events-url where there are */
  constructor(place) {
    this.place = place;
    this.canvas = make('div', { class: 'gw-canvas', role: 'group', 'aria-label': place.dataset.label ?? 'Diagram', tabindex: '0' });
    this.summary = make('p', { 'aria-live': 'polite' });
    this.legend = make('ul', { class: 'gw-legend', hidden: true });
    this.shown = make('div', { class: 'gw-element-shown', hidden: true, 'aria-live': 'polite' });
    place.replaceChildren(this.canvas, make('div', { class: 'gw-diagram-below' }, this.summary, this.legend, this.shown));
    this.viewer = new NavigatedViewer({ container: this.canvas });
    this.marks = new Marks(this.viewer);
    /** @type {State} */
    this.state = NOTHING;
  }

  /** Draw the diagram, its state, and follow changes until the page is left. */
  async open() {
    const { xmlUrl, eventsUrl } = this.place.dataset;
    try {
      await this.viewer.importXML(await text(xmlUrl));
      fit(this.viewer.get('canvas'));
      this.viewer.get('eventBus').on('element.click', ({ element }) => this.show(element));
      await this.refresh();
    } catch (error) {
      this.tell(`The diagram can't be shown. ${error.message}`);
      return;
    }
    this.place.dataset.ready = '';
    if (eventsUrl) {
      const stop = follow(eventsUrl, () => this.refresh());
      addEventListener('pagehide', stop, { once: true });
    }
  }

  /** Ask for the state anew and draw it; an older drawing stays where the server does not answer, and says so. */
  async refresh() {
    const { stateUrl } = this.place.dataset;
    if (!stateUrl) return;
    try {
      this.state = { ...NOTHING, ...(await json(stateUrl)) };
    } catch (error) {
      this.tell(`This state may be old. ${error.message}`);
      return;
    }
    const drawn = this.marks.draw(this.state);
    this.legend.replaceChildren(...drawn.map(mark => make('li', { 'data-mark': mark }, LEGEND[mark])));
    this.legend.hidden = drawn.length === 0;
    this.tell(inWords(this.state, this.viewer.get('elementRegistry')));
  }

  /** Say below the diagram what an element is and how it stands, and tell the page by an `element-shown` event. */
  show(element) {
    const root = !element.parent;
    this.marks.outline(root ? null : element);
    this.shown.hidden = root;
    if (root) return;
    this.shown.replaceChildren(...describeElement(element, this.state));
    const { id, type, businessObject } = element;
    const detail = { id, type, name: businessObject.name ?? '' };
    this.place.dispatchEvent(new CustomEvent('element-shown', { bubbles: true, detail }));
  }

  /** @param {string} words */
  tell(words) {
    if (this.summary.textContent !== words) this.summary.textContent = words;
  }
}
