/**
 * Show the whole diagram with a margin around it, never larger than it is drawn. `zoom('fit-viewport')` alone puts its
 * edges under the palette and the frame.
 *
 * @param {any} canvas bpmn-js' canvas
 * @param {{left?: number, around?: number}} [margins] in pixels of the window
 */
export function fit(canvas, { left = 24, around = 24 } = {}) {
  const { inner, outer } = canvas.viewbox();
  if (!inner.width || !inner.height) return;
  const room = { width: Math.max(outer.width - left - around, 100), height: Math.max(outer.height - 2 * around, 100) };
  const scale = Math.min(1, room.width / inner.width, room.height / inner.height);
  const spare = { x: (room.width - inner.width * scale) / 2, y: (room.height - inner.height * scale) / 2 };
  canvas.viewbox({
    x: inner.x - (left + spare.x) / scale,
    y: inner.y - (around + spare.y) / scale,
    width: outer.width / scale,
    height: outer.height / scale
  });
}
