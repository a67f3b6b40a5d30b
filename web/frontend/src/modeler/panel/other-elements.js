import { choice, longText, text } from './entries.js';
import { formEntry } from './user-task.js';

const DECISION = 'spiffworkflow:CalledDecisionId';

/** A lane stands for a role: who may work on the user tasks in it. */
export function laneGroup(element, { modeling, vocabulary }) {
  return group('lane', 'Role', [
    choice({
      id: 'gatewright-role',
      label: 'Role',
      hint: 'Whoever has this role may take the user tasks of the lane.',
      choices: [{ value: '', label: '(choose)' }, ...vocabulary.roles.map(role => ({ value: role, label: role }))],
      read: () => element.businessObject.get('name') ?? '',
      write: (_, name) => modeling.updateProperties(element, { name })
    })
  ]);
}

/** What a business rule task decides by. */
export function decisionGroup(element, { extensions }) {
  return group('decision', 'Decision', [
    text({
      id: 'gatewright-decision',
      label: 'Decision id',
      hint: 'The id of a decision in one of the process\'s .dmn files.',
      read: () => extensions.find(element, DECISION)?.get('id') ?? '',
      write: (_, id) => extensions.replace(element, DECISION, id ? extensions.create(DECISION, { id }) : undefined),
      fault: value => (value ? undefined : 'Name the decision.')
    })
  ]);
}

/** Which process a call activity calls. */
export function callGroup(element, { modeling, properties, vocabulary }) {
  const line = {
    id: 'gatewright-called',
    label: 'Called process',
    hint: 'All variables go in, and all come back.',
    read: () => element.businessObject.get('calledElement') ?? '',
    write: (_, calledElement) => modeling.updateProperties(element, { calledElement: calledElement || undefined }),
    fault: value => (value ? undefined : 'Name the process.')
  };
  const processes = vocabulary.processes.map(name => ({ value: name, label: name }));
  const called = processes.length ? choice({ ...line, choices: [{ value: '', label: '(choose)' }, ...processes] }) : text(line);
  const version = text({
    id: 'gatewright-called-version',
    label: 'Version',
    hint: 'Empty: the latest when the life cycle starts. A number: that version for good.',
    read: () => properties.read(element, 'version'),
    write: (_, value) => properties.write(element, 'version', value),
    fault: value => (!value || value === 'latest' || /^[1-9]\d*$/.test(value) ? undefined : 'A number, or nothing for the latest.')
  });
  return group('call', 'Call', [called, version]);
}

/** What a script task computes. */
export function scriptGroup(element, { modeling }) {
  return group('script', 'Script', [
    longText({
      id: 'gatewright-script',
      label: 'Assignments',
      hint: 'Lines of the form: name = expression',
      read: () => element.businessObject.get('script') ?? '',
      write: (_, script) => modeling.updateProperties(element, { script: script || undefined })
    })
  ]);
}

/** When a flow out of a gateway is taken. */
export function conditionGroup(element, { modeling, moddle }) {
  return group('condition', 'Condition', [
    text({
      id: 'gatewright-condition',
      label: 'Taken if',
      hint: 'An expression, for example: tier == "high"',
      read: () => element.businessObject.get('conditionExpression')?.get('body') ?? '',
      write: (_, body) => {
        const conditionExpression = body ? moddle.create('bpmn:FormalExpression', { body }) : undefined;
        if (conditionExpression) conditionExpression.$parent = element.businessObject;
        modeling.updateProperties(element, { conditionExpression });
      }
    })
  ]);
}

/** What a process asks for when it is started. */
export function startGroup(element, { properties, vocabulary }) {
  return group('start', 'Start', [formEntry(element, { properties, vocabulary })]);
}

function group(id, label, entries) {
  return { id: `gatewright-${id}`, label, entries, shouldOpen: true };
}
