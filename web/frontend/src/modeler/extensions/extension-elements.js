/**
 * Reads and writes an element's extension elements, other people's included. Each write is one command: one undo.
 *
 * What stands in the diagram is never changed in place: a write puts a new list into a new parent, so undo has the old.
 */
export class ExtensionElements {
  static $inject = ['moddle', 'modeling'];

  constructor(moddle, modeling) {
    this.moddle = moddle;
    this.modeling = modeling;
  }

  /** @returns {any|undefined} the element's first extension element of a type such as spiffworkflow:Properties */
  find(element, type) {
    return values(element).find(value => value.$type === type);
  }

  /** Put an extension element of a type in place of the one there is; without a value, take it away. */
  replace(element, type, value) {
    const others = values(element).filter(other => other.$type !== type);
    this.write(element, value ? [...others, value] : others);
  }

  /** Make an extension element with children that know their parent, which moddle asks for. */
  create(type, attributes, children = []) {
    const created = this.moddle.create(type, attributes);
    for (const child of children) child.$parent = created;
    return created;
  }

  write(element, list) {
    const extensionElements = list.length ? this.create('bpmn:ExtensionElements', { values: list }, list) : undefined;
    if (extensionElements) extensionElements.$parent = element.businessObject;
    this.modeling.updateProperties(element, { extensionElements });
  }
}

/** @returns {any[]} */
function values(element) {
  return element.businessObject.get('extensionElements')?.get('values') ?? [];
}
