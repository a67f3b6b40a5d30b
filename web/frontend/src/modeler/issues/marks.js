import { make } from '../../diagram/dom.js';

/** Draws issues on their elements: an outline in the colour of the worst, and a badge with their count. */
export class IssueMarks {
  static $inject = ['canvas', 'overlays', 'elementRegistry', 'eventBus'];

  constructor(canvas, overlays, elementRegistry, eventBus) {
    this.canvas = canvas;
    this.overlays = overlays;
    this.elements = elementRegistry;
    this.marked = [];
    eventBus.on('shape.removed', ({ element }) => {
      this.marked = this.marked.filter(([id]) => id !== element.id);
    });
  }

  /** @param {import('./list.js').Issue[]} issues drawn instead of the ones before */
  draw(issues) {
    for (const [id, marker] of this.marked) if (this.elements.get(id)) this.canvas.removeMarker(id, marker);
    this.marked = [];
    this.overlays.remove({ type: 'gatewright-issue' });
    for (const [id, found] of byElement(issues)) {
      const element = this.elements.get(id);
      if (!element || element === this.canvas.getRootElement()) continue;
      const severity = found.some(issue => issue.severity === 'error') ? 'error' : 'warning';
      this.canvas.addMarker(element, `gw-issue-${severity}`);
      this.marked.push([id, `gw-issue-${severity}`]);
      const title = found.map(issue => issue.reason).join('\n');
      const sign = `${severity === 'error' ? '✕' : '!'} ${found.length}`;
      this.overlays.add(element, 'gatewright-issue', {
        position: { bottom: 12, left: -8 },
        html: make('span', { class: `gw-mark gw-mark-${severity}`, title }, sign)
      });
    }
  }
}

function byElement(issues) {
  const found = new Map();
  for (const issue of issues) found.set(issue.element, [...(found.get(issue.element) ?? []), issue]);
  return found;
}
