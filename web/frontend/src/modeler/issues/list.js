import { make } from '../../diagram/dom.js';

/**
 * One thing that the server finds wrong with a diagram.
 *
 * @typedef {object} Issue
 * @property {string} element the element's id
 * @property {string} name the element's name
 * @property {number|null} line
 * @property {'error'|'warning'} severity
 * @property {string} rule
 * @property {string} reason
 * @property {string} hint
 */

/** The issues as a list beside the diagram: each a button that leads to its element. */
export class IssueList {
  /** @param {(id: string) => void} lead takes the modeler's user to an element */
  constructor(lead) {
    this.lead = lead;
    this.title = make('h2', { id: 'gw-issues-title' }, 'Issues');
    this.list = make('ol', {});
    this.node = make('section', { class: 'gw-issues', 'aria-labelledby': 'gw-issues-title' }, this.title, this.list);
    this.list.append(make('li', { class: 'gw-issues-none' }, 'Not checked yet.'));
  }

  /** @param {Issue[]} issues */
  draw(issues) {
    const errors = issues.filter(issue => issue.severity === 'error').length;
    this.title.textContent = issues.length ? `Issues: ${count(errors, 'error')}, ${count(issues.length - errors, 'warning')}` : 'Issues';
    const lines = issues.map(issue => make('li', {}, this.line(issue)));
    if (!lines.length) lines.push(make('li', { class: 'gw-issues-none' }, 'None: this diagram can be published.'));
    this.list.replaceChildren(...lines);
  }

  line(issue) {
    const where = issue.name || issue.element || (issue.line ? `line ${issue.line}` : 'the process');
    return make(
      'button',
      { type: 'button', class: 'gw-issue', 'data-severity': issue.severity, 'data-rule': issue.rule, click: () => this.lead(issue.element) },
      make('span', { class: 'gw-issue-severity' }, issue.severity),
      make('span', {}, make('strong', {}, where), ` ${issue.reason} `, make('span', { class: 'gw-issue-hint' }, issue.hint ?? ''))
    );
  }
}

function count(n, noun) {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
