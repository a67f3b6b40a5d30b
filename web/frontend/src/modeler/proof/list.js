import { make } from '../../diagram/dom.js';

/**
 * One property of a diagram over all its paths.
 *
 * @typedef {object} Verdict
 * @property {string} name
 * @property {string} title
 * @property {'policy'|'soundness'} kind
 * @property {'holds'|'fails'|'not decided'|'does not apply'} outcome
 * @property {'error'|'warning'} severity
 * @property {string} reason
 * @property {string} hint
 * @property {string} source
 * @property {string[]} tiers
 * @property {{process: string, element: string, name: string, kind: string, note: string}[]} path
 * @property {string[]} free conditions on the path that hang on data which was not considered
 *
 * @typedef {{process: string, digest: string, configurations: number, bound: number, verdicts: Verdict[]}} Proof
 */

/** What is proven, as a list beside the diagram; a verdict that fails shows its path, on the diagram and in words. */
export class ProofList {
  #shown = null;

  /**
   * @param {(path: Verdict['path']) => void} draw shows a path on the diagram; an empty one takes it away
   * @param {(id: string) => void} lead takes the modeler's user to an element
   */
  constructor(draw, lead) {
    this.drawPath = draw;
    this.lead = lead;
    this.title = make('h2', { id: 'gw-proof-title' }, 'Proof over all paths');
    this.list = make('ol', {});
    this.node = make('section', { class: 'gw-issues gw-proof', 'aria-labelledby': 'gw-proof-title' }, this.title, this.list);
    this.list.append(make('li', { class: 'gw-issues-none' }, 'Not proven yet.'));
  }

  /** @param {Proof|null} proof */
  draw(proof) {
    const open = this.#shown;
    this.#hide();
    if (!proof) {
      this.title.textContent = 'Proof over all paths';
      this.list.replaceChildren(make('li', { class: 'gw-issues-none' }, 'First mend the errors: what cannot be executed has no paths.'));
      return;
    }
    const asked = proof.verdicts.filter(verdict => verdict.outcome !== 'does not apply');
    const broken = asked.filter(verdict => verdict.outcome !== 'holds');
    const counted = `${asked.length - broken.length} of ${asked.length} hold`;
    this.title.textContent = `Proof over all paths: ${counted}, ${proof.configurations} configurations`;
    const lines = [...broken, ...asked.filter(verdict => verdict.outcome === 'holds')];
    this.list.replaceChildren(...lines.map(verdict => this.line(verdict, proof.process)));
    if (open) this.list.querySelector(`[data-verdict="${open}"][aria-expanded]`)?.click();
  }

  line(verdict, process) {
    const state = verdict.outcome === 'fails' ? verdict.severity : verdict.outcome === 'holds' ? 'holds' : 'warning';
    const words = [
      make('span', { class: 'gw-issue-severity' }, verdict.outcome),
      make('span', {}, make('strong', {}, verdict.title), ' ', verdict.outcome === 'holds' ? about(verdict) : verdict.reason)
    ];
    if (verdict.outcome !== 'fails' || !verdict.path.length) {
      return make('li', {}, make('div', { class: 'gw-issue', 'data-severity': state, 'data-verdict': verdict.name }, ...words));
    }
    const steps = this.steps(verdict, process);
    const button = make(
      'button',
      {
        type: 'button',
        class: 'gw-issue',
        'data-severity': state,
        'data-verdict': verdict.name,
        'aria-expanded': 'false',
        click: () => (button.getAttribute('aria-expanded') === 'true' ? this.#hide() : this.#show(verdict, button, steps))
      },
      ...words,
      make('span', { class: 'gw-proof-show' }, 'Show the path')
    );
    return make('li', {}, button, steps);
  }

  /** The path in words: numbered like the marks on the diagram, each step a button that leads to its element. */
  steps(verdict, process) {
    const steps = verdict.path.map(visit => {
      const where = visit.process === process ? '' : ` in ${visit.process.replaceAll('_', ' ')}`;
      const told = [make('strong', {}, visit.name || visit.element), `${where}${visit.note ? ` (${visit.note})` : ''}`];
      if (visit.process !== process) return make('li', {}, ...told);
      return make('li', {}, make('button', { type: 'button', class: 'gw-proof-step', click: () => this.lead(visit.element) }, ...told));
    });
    const parts = [make('ol', { class: 'gw-proof-path' }, ...steps)];
    if (verdict.free.length) parts.push(make('p', {}, `Data that were not considered: ${verdict.free.join('; ')}`));
    parts.push(make('p', { class: 'gw-issue-hint' }, verdict.hint));
    const node = make('div', { class: 'gw-proof-steps' }, ...parts);
    node.hidden = true;
    return node;
  }

  #show(verdict, button, steps) {
    this.#hide();
    this.#shown = verdict.name;
    button.setAttribute('aria-expanded', 'true');
    button.querySelector('.gw-proof-show').textContent = 'Hide the path';
    steps.hidden = false;
    this.drawPath(verdict.path);
  }

  #hide() {
    this.#shown = null;
    for (const button of this.list.querySelectorAll('[aria-expanded=true]')) {
      button.setAttribute('aria-expanded', 'false');
      button.querySelector('.gw-proof-show').textContent = 'Show the path';
      button.nextElementSibling.hidden = true;
    }
    this.drawPath([]);
  }
}

function about(verdict) {
  if (verdict.kind === 'soundness') return '';
  return make('span', { class: 'gw-issue-hint' }, verdict.tiers.length ? `for the tiers ${verdict.tiers.join(', ')}` : 'for all tiers');
}
