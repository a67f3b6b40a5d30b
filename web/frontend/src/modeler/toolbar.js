import { make } from '../diagram/dom.js';

/**
 * The buttons above the canvas, and the line that says what came of them.
 *
 * @param {Record<'save'|'validate'|'undo'|'redo'|'fit'|'download', () => void>} acts
 */
export class Toolbar {
  constructor(acts, { canSave, canCheck }) {
    this.status = make('p', { class: 'gw-modeler-status', role: 'status' });
    this.undo = button('Undo', acts.undo);
    this.redo = button('Redo', acts.redo);
    this.save = button('Save draft', acts.save, 'btn-primary');
    this.node = make(
      'div',
      { class: 'gw-modeler-toolbar', role: 'toolbar', 'aria-label': 'Diagram' },
      ...(canSave ? [this.save] : []),
      ...(canCheck ? [button('Validate', acts.validate)] : []),
      this.undo,
      this.redo,
      button('Fit', acts.fit),
      button('Download', acts.download),
      this.status
    );
  }

  /** @param {{canUndo: boolean, canRedo: boolean}} stack */
  allow({ canUndo, canRedo }) {
    this.undo.disabled = !canUndo;
    this.redo.disabled = !canRedo;
  }

  /** @param {string} words @param {''|'done'|'failed'|'attention'} [state] */
  tell(words, state = '') {
    this.status.textContent = words;
    this.status.dataset.state = state;
  }
}

function button(label, click, look = 'btn-outline-secondary') {
  return make('button', { type: 'button', class: `btn btn-sm ${look}`, click }, label);
}
