const TYPE = 'spiffworkflow:ServiceTaskOperator';

/**
 * The handler that a service task calls: its name, its parameters (each an expression), and the result's variable.
 *
 * @typedef {{id: string, type: string, value: string}} Parameter
 */
export class Operator {
  static $inject = ['gatewrightExtensions'];

  /** @param {import('./extension-elements.js').ExtensionElements} extensions */
  constructor(extensions) {
    this.extensions = extensions;
  }

  /** @returns {{id: string, resultVariable: string, parameters: Parameter[]}} with an empty id where none is chosen */
  read(element) {
    const found = this.extensions.find(element, TYPE);
    const parameters = found?.get('parameterList')?.get('parameters') ?? [];
    return {
      id: found?.get('id') ?? '',
      resultVariable: found?.get('resultVariable') ?? '',
      parameters: parameters.map(({ id, type, value }) => ({ id, type, value: value ?? '' }))
    };
  }

  /** Write the operator as a whole; an empty id takes it away. */
  write(element, { id, resultVariable, parameters }) {
    if (!id) {
      this.extensions.replace(element, TYPE, undefined);
      return;
    }
    const made = parameters.map(parameter => this.extensions.create('spiffworkflow:Parameter', parameter));
    const parameterList = made.length
      ? this.extensions.create('spiffworkflow:Parameters', { parameters: made }, made)
      : undefined;
    const operator = this.extensions.create(
      TYPE,
      { id, resultVariable: resultVariable || undefined, parameterList },
      parameterList ? [parameterList] : []
    );
    this.extensions.replace(element, TYPE, operator);
  }

  /** Change one parameter, in the handler's order of them; an empty value takes it away. */
  setParameter(element, changed, order) {
    const operator = this.read(element);
    const others = operator.parameters.filter(({ id }) => id !== changed.id);
    const parameters = (changed.value ? [...others, changed] : others).sort(
      (one, other) => order.indexOf(one.id) - order.indexOf(other.id)
    );
    this.write(element, { ...operator, parameters });
  }
}
