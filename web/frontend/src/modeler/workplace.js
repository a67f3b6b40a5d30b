import BpmnModeler from 'bpmn-js/lib/Modeler';
import { BpmnPropertiesPanelModule, BpmnPropertiesProviderModule } from 'bpmn-js-properties-panel';
import MinimapModule from 'diagram-js-minimap';

import { sendDiagram, text } from '../diagram/answers.js';
import { make } from '../diagram/dom.js';
import { fit } from '../diagram/fit.js';
import { descriptor } from './extensions/index.js';
import { IssueList } from './issues/list.js';
import { IssueMarks } from './issues/marks.js';
import { PanelModule } from './panel/index.js';
import { ProofList } from './proof/list.js';
import { PathMarks } from './proof/marks.js';
import { Toolbar } from './toolbar.js';
import { loadVocabulary } from './vocabulary.js';

const CHECK_AFTER_MILLISECONDS = 1500;

/** The modeler page: canvas, panel, issues, and the way to the server and back. */
export class Workplace {
  #checking = null;
  #timer;
  #changes = 0;
  #saved = 0;

  /** @param {HTMLElement} place with data-xml-url, data-handlers-url, data-csrf, data-save-url, data-check-url */
  constructor(place) {
    this.place = place;
    this.addresses = place.dataset;
    this.canvas = make('div', { class: 'gw-canvas gw-modeler-canvas' });
    this.panel = make('div', { class: 'gw-modeler-panel', role: 'region', 'aria-label': 'Properties', tabindex: '0' });
    this.issues = new IssueList(id => this.lead(id));
    this.proof = new ProofList(
      path => this.path.draw(path),
      id => this.lead(id)
    );
    this.toolbar = new Toolbar(
      {
        save: () => this.save(),
        validate: () => this.check(),
        undo: () => this.modeler.get('commandStack').undo(),
        redo: () => this.modeler.get('commandStack').redo(),
        fit: () => this.fit(),
        download: () => this.download()
      },
      { canSave: Boolean(place.dataset.saveUrl), canCheck: Boolean(place.dataset.checkUrl) }
    );
    place.replaceChildren(
      this.toolbar.node,
      make('div', { class: 'gw-modeler-parts' }, this.canvas, this.panel),
      this.issues.node,
      this.proof.node
    );
  }

  /** Load vocabulary and diagram; then check after each change, and warn before unsaved changes are lost. */
  async open() {
    try {
      const [vocabulary, xml] = await Promise.all([
        loadVocabulary(this.addresses.handlersUrl),
        text(this.addresses.xmlUrl)
      ]);
      this.modeler = this.#make(vocabulary);
      const { warnings } = await this.modeler.importXML(xml);
      if (warnings.length) this.toolbar.tell(`Read with ${warnings.length} warnings: ${warnings[0].message}`, 'attention');
    } catch (error) {
      this.toolbar.tell(`The diagram can't be opened. ${error.message}`, 'failed');
      return;
    }
    this.marks = this.modeler.get('gatewrightIssueMarks');
    this.path = this.modeler.get('gatewrightPathMarks');
    const stack = this.modeler.get('commandStack');
    const allow = () => this.toolbar.allow({ canUndo: stack.canUndo(), canRedo: stack.canRedo() });
    allow();
    this.fit();
    this.modeler.on('commandStack.changed', () => {
      allow();
      this.#changes += 1;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.check(), CHECK_AFTER_MILLISECONDS);
    });
    addEventListener('beforeunload', event => {
      if (this.hasChanges) event.preventDefault();
    });
    this.place.dataset.ready = '';
    this.place.modeler = this.modeler;
    await this.check();
  }

  /** Whether the diagram was changed, or a change undone, since the server last took it. */
  get hasChanges() {
    return this.#changes !== this.#saved;
  }

  /** Ask the server what is wrong with the diagram; a newer question ends an older one. */
  async check() {
    const { checkUrl, csrf } = this.addresses;
    if (!checkUrl) return;
    clearTimeout(this.#timer);
    this.#checking?.abort();
    const asked = (this.#checking = new AbortController());
    try {
      const { issues, proof } = await sendDiagram(checkUrl, await this.xml(), { csrf, signal: asked.signal });
      this.issues.draw(issues);
      this.marks.draw(issues);
      this.proof.draw(proof ?? null);
    } catch (error) {
      if (error.name !== 'AbortError') this.toolbar.tell(`Not checked. ${error.message}`, 'failed');
    }
  }

  /** Send the diagram as a draft; go where the answer's `location` says, where it has one. */
  async save() {
    const { saveUrl, csrf } = this.addresses;
    const changes = this.#changes;
    this.toolbar.save.disabled = true;
    try {
      const answer = await sendDiagram(saveUrl, await this.xml(), { csrf });
      this.#saved = changes;
      this.toolbar.tell(answer.message ?? 'Draft saved.', 'done');
      if (answer.location) location.assign(answer.location);
    } catch (error) {
      this.toolbar.tell(`Not saved. ${error.message}`, 'failed');
    } finally {
      this.toolbar.save.disabled = false;
    }
  }

  /** Take the user to an element: select it, and bring it into view. */
  lead(id) {
    const element = this.modeler.get('elementRegistry').get(id);
    if (!element) return;
    const canvas = this.modeler.get('canvas');
    if (element !== canvas.getRootElement()) canvas.scrollToElement(element, { top: 80, bottom: 80, left: 80, right: 80 });
    this.modeler.get('selection').select(element);
    this.canvas.scrollIntoView({ block: 'nearest' });
  }

  /** Show the whole diagram, beside the palette. */
  fit() {
    fit(this.modeler.get('canvas'), { left: 132 });
  }

  /** @returns {Promise<string>} */
  async xml() {
    return (await this.modeler.saveXML({ format: true })).xml;
  }

  async download() {
    const url = URL.createObjectURL(new Blob([await this.xml()], { type: 'application/xml' }));
    make('a', { href: url, download: this.addresses.fileName ?? 'process.bpmn' }).click();
    URL.revokeObjectURL(url);
  }

  #make(vocabulary) {
    return new BpmnModeler({
      container: this.canvas,
      propertiesPanel: { parent: this.panel },
      vocabulary,
      moddleExtensions: { spiffworkflow: descriptor },
      additionalModules: [
        BpmnPropertiesPanelModule,
        BpmnPropertiesProviderModule,
        MinimapModule,
        PanelModule,
        { gatewrightIssueMarks: ['type', IssueMarks], gatewrightPathMarks: ['type', PathMarks] }
      ]
    });
  }
}
