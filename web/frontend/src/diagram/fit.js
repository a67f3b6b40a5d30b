/**
 * Show the whole diagram with a margin around it, never larger than it is drawn. `zoom('fit-viewport')` alone puts its
 * edges under the palette and the frame.
 *
 * @param {any} canvas bpmn-js' canvas
 * @param {{left?: number, around?: number}} [margins] in pixels of the window
 */
export function fit(canvas, margins) {
  lookAt(canvas, canvas.viewbox().inner, margins);
}

/**
 * Show a part of the diagram in the same way.
 *
 * @param {any} canvas bpmn-js' canvas
 * @param {{x: number, y: number, width: number, height: number}} part
 * @param {{left?: number, around?: number}} [margins] in pixels of the window
 */
export function lookAt(canvas, part, { left = 24, around = 24 } = {}) {
  const { outer } = canvas.viewbox();
  if (!part.width || !part.height) return;
  const room = { width: Math.max(outer.width - left - around, 100), height: Math.max(outer.height - 2 * around, 100) };
  const scale = Math.min(1, room.width / part.width, room.height / part.height);
  const spare = { x: (room.width - part.width * scale) / 2, y: (room.height - part.height * scale) / 2 };
  canvas.viewbox({
    x: part.x - (left + spare.x) / scale,
    y: part.y - (around + spare.y) / scale,
    width: outer.width / scale,
    height: outer.height / scale
  });
}
