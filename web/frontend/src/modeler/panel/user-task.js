import { check, choice, text } from './entries.js';
import { notAName } from './service-task.js';

const DURATION = /^P(?!$)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?!$)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$/;

/** The groups of a user task: the form and kind of decision, what it shows as evidence, and who is shut out. */
export function userTaskGroups(element, { properties, vocabulary, elements }) {
  const line = (name, label, more) => ({
    id: `gatewright-${name}`,
    label,
    read: () => properties.read(element, name),
    write: (_, value) => properties.write(element, name, value),
    ...more
  });
  return [
    {
      id: 'gatewright-user-task',
      label: 'Task',
      shouldOpen: true,
      entries: [
        formEntry(element, { properties, vocabulary }),
        choice(line('kind', 'Kind', { choices: offered(vocabulary.task_kinds, 'form (the usual)') })),
        text(
          line('due', 'Due after', {
            hint: 'A duration of ISO 8601: P3D is three days, PT4H four hours.',
            fault: value => (!value || DURATION.test(value) ? undefined : 'No duration of ISO 8601, such as P3D or PT4H.')
          })
        ),
        text(
          line('result', 'Result variable', {
            hint: `The variable that takes the answer; ${element.id.toLowerCase()} where none is named.`,
            fault: notAName
          })
        )
      ]
    },
    {
      id: 'gatewright-evidence',
      label: 'Evidence',
      entries: words(element, 'evidence', vocabulary.evidence, { properties })
    },
    {
      id: 'gatewright-shut-out',
      label: 'Shut out (four eyes)',
      entries: words(element, 'shut_out', ['starter', ...otherUserTasks(element, elements)], { properties, elements })
    }
  ].filter(group => group.entries.length);
}

/** The entry for the form of a user task or of a start event. */
export function formEntry(element, { properties, vocabulary }) {
  return choice({
    id: 'gatewright-form',
    label: 'Form',
    choices: offered(vocabulary.forms, '(none)'),
    read: () => properties.read(element, 'form'),
    write: (_, value) => properties.write(element, 'form', value)
  });
}

/** One check for each word that may be in a list, and for each that is in it without being known. */
function words(element, name, known, { properties, elements }) {
  const all = [...new Set([...known, ...properties.readList(element, name)])];
  return all.map(word =>
    check({
      id: `gatewright-${name}-${word}`,
      label: elements?.get(word)?.businessObject.name || word,
      read: () => properties.readList(element, name).includes(word),
      write: (_, wanted) => properties.toggle(element, name, word, Boolean(wanted))
    })
  );
}

function otherUserTasks(element, elements) {
  return elements.filter(({ type, id }) => type === 'bpmn:UserTask' && id !== element.id).map(({ id }) => id);
}

function offered(names, none) {
  return [{ value: '', label: none }, ...names.map(name => ({ value: name, label: name }))];
}
