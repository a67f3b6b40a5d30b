import { choice, text } from './entries.js';
import { literal } from './literals.js';
import { parametersOf } from './parameter-schema.js';

/** The group of a service task: which handler, with which parameters, and where its result goes. */
export function serviceTaskGroup(element, { operator, vocabulary }) {
  const { id: chosen } = operator.read(element);
  const handler = vocabulary.handlers.find(({ name }) => name === chosen);
  const entries = [
    choice({
      id: 'gatewright-handler',
      label: 'Handler',
      hint: handler?.summary ?? (chosen && 'This house has no handler of this name.'),
      choices: [
        { value: '', label: '(none)' },
        ...vocabulary.handlers.map(({ name, summary }) => ({ value: name, label: summary ? `${name}: ${shortened(summary)}` : name }))
      ],
      read: () => operator.read(element).id,
      write: (_, name) => choose(element, name, { operator, vocabulary }),
      fault: value => (value ? undefined : 'Choose what this task calls.')
    }),
    ...(handler ? parameterEntries(element, handler, operator) : [])
  ];
  if (chosen) {
    entries.push(
      text({
        id: 'gatewright-result',
        label: 'Result variable',
        hint: 'The variable that takes what the handler returns.',
        read: () => operator.read(element).resultVariable,
        write: (_, resultVariable) => operator.write(element, { ...operator.read(element), resultVariable }),
        fault: notAName
      })
    );
  }
  return { id: 'gatewright-service-task', label: 'Handler', entries, shouldOpen: true };
}

/** Choose a handler: its defaults are written into the diagram, since an empty field would stand for nothing there. */
function choose(element, name, { operator, vocabulary }) {
  const before = operator.read(element);
  const handler = vocabulary.handlers.find(other => other.name === name);
  const parameters = parametersOf(handler?.parameters)
    .map(info => {
      const kept = before.parameters.find(({ id }) => id === info.name);
      const value = kept?.value || (info.hasDefault && info.default !== null ? literal(info.default) : '');
      return { id: info.name, type: info.type, value };
    })
    .filter(({ value }) => value);
  operator.write(element, { id: name, resultVariable: before.resultVariable, parameters });
}

function parameterEntries(element, handler, operator) {
  const infos = parametersOf(handler.parameters);
  const order = infos.map(({ name }) => name);
  return infos.map(info => parameterEntry(element, handler, info, { operator, order }));
}

function parameterEntry(element, handler, info, { operator, order }) {
  const read = () => operator.read(element).parameters.find(({ id }) => id === info.name)?.value ?? '';
  const line = {
    // The handler's name is part of the id: else the panel keeps a field's text when another handler is chosen.
    id: `gatewright-parameter-${handler.name}-${info.name}`,
    label: `${info.label}${info.required ? ' *' : ''}`,
    hint: hintOf(info),
    read,
    write: (_, value) => operator.setParameter(element, { id: info.name, type: info.type, value }, order),
    fault: value => (info.required && !value ? 'This parameter is needed.' : undefined)
  };
  if (!info.choices.length) return text(line);
  const choices = info.choices.map(value => ({ value: literal(value), label: String(value) }));
  return choice({ ...line, choices: [{ value: '', label: info.required ? '(choose)' : '(not set)' }, ...choices] });
}

function hintOf({ hint, type, hasDefault, default: value, choices }) {
  const words = [hint];
  if (!choices.length) words.push(type === 'str' ? 'An expression: a variable, or text in quotes.' : `An expression (${type}).`);
  if (hasDefault && value !== null) words.push(`Default: ${literal(value)}.`);
  return words.filter(Boolean).join(' ');
}

function shortened(words) {
  const line = words.split('\n')[0];
  return line.length > 60 ? `${line.slice(0, 57)}...` : line;
}

/** @returns {string|undefined} */
export function notAName(value) {
  return !value || /^[A-Za-z_][A-Za-z0-9_]*$/.test(value) ? undefined : 'A name: letters, digits and _, no digit first.';
}
