const TYPE = 'spiffworkflow:Properties';

/** An element's named properties: form, kind, evidence, shut_out, due, result. */
export class NamedProperties {
  static $inject = ['gatewrightExtensions'];

  /** @param {import('./extension-elements.js').ExtensionElements} extensions */
  constructor(extensions) {
    this.extensions = extensions;
  }

  /** @returns {string} a property's value, or '' */
  read(element, name) {
    return this.all(element).find(property => property.name === name)?.value ?? '';
  }

  /** @returns {string[]} a property that is a list with commas between */
  readList(element, name) {
    return this.read(element, name).split(',').map(word => word.trim()).filter(Boolean);
  }

  /** Set a property; an empty value takes it away. */
  write(element, name, value) {
    const there = this.all(element);
    const changed = there.some(property => property.name === name)
      ? there.map(property => (property.name === name ? { name, value } : property))
      : [...there, { name, value }];
    const made = changed
      .filter(property => property.value)
      .map(property => this.extensions.create('spiffworkflow:Property', property));
    this.extensions.replace(element, TYPE, made.length ? this.extensions.create(TYPE, { properties: made }, made) : undefined);
  }

  /** Add a word to a list, or take it out. */
  toggle(element, name, word, wanted) {
    const others = this.readList(element, name).filter(other => other !== word);
    this.write(element, name, (wanted ? [...others, word] : others).join(', '));
  }

  all(element) {
    const properties = this.extensions.find(element, TYPE)?.get('properties') ?? [];
    return properties.map(({ name, value }) => ({ name, value: value ?? '' }));
  }
}
