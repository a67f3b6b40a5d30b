import { make } from '../../diagram/dom.js';
import { lookAt } from '../../diagram/fit.js';

/** Draws a path on the diagram: its elements and the flows between them in one colour, numbered in their order. */
export class PathMarks {
  static $inject = ['canvas', 'overlays', 'elementRegistry', 'eventBus'];

  constructor(canvas, overlays, elementRegistry, eventBus) {
    this.canvas = canvas;
    this.overlays = overlays;
    this.elements = elementRegistry;
    this.marked = [];
    eventBus.on(['shape.removed', 'connection.removed'], ({ element }) => {
      this.marked = this.marked.filter(id => id !== element.id);
    });
  }

  /** @param {import('./list.js').Verdict['path']} path drawn instead of the one before; elements of other diagrams are left out */
  draw(path) {
    for (const id of this.marked) if (this.elements.get(id)) this.canvas.removeMarker(id, 'gw-path');
    this.marked = [];
    this.overlays.remove({ type: 'gatewright-path' });
    const numbers = new Map();
    path.forEach(({ element }, index) => {
      const shape = this.elements.get(element);
      if (!shape || shape === this.canvas.getRootElement()) return;
      numbers.set(element, [...(numbers.get(element) ?? []), index + 1]);
    });
    for (const [id, places] of numbers) {
      this.#mark(id);
      const title = `step ${places.join(', ')} of ${path.length}`;
      this.overlays.add(id, 'gatewright-path', {
        position: { top: -12, left: -10 },
        scale: { min: 0.8 }, // a long path is looked at from afar
        html: make('span', { class: 'gw-mark gw-mark-link', title }, places.join(', '))
      });
    }
    this.#flows(path);
    if (numbers.size) this.#lookAt([...numbers.keys()].map(id => this.elements.get(id)));
  }

  #lookAt(shapes) {
    const [x, y] = [Math.min(...shapes.map(shape => shape.x)), Math.min(...shapes.map(shape => shape.y))];
    const width = Math.max(...shapes.map(shape => shape.x + shape.width)) - x;
    const height = Math.max(...shapes.map(shape => shape.y + shape.height)) - y;
    lookAt(this.canvas, { x, y, width, height }, { left: 150, around: 50 });
  }

  /** The flows between two elements that follow each other; a boundary event follows the activity that it interrupts. */
  #flows(path) {
    path.slice(1).forEach(({ element }, index) => {
      const target = this.elements.get(element);
      const before = path.slice(0, index + 1).map(visit => visit.element);
      const flows = (target?.incoming ?? []).filter(flow => before.includes(flow.source?.id));
      const nearest = flows.sort((one, other) => before.lastIndexOf(other.source.id) - before.lastIndexOf(one.source.id))[0];
      if (nearest) this.#mark(nearest.id);
    });
  }

  #mark(id) {
    if (this.marked.includes(id)) return;
    this.canvas.addMarker(id, 'gw-path');
    this.marked.push(id);
  }
}
