import {
  CheckboxEntry,
  SelectEntry,
  TextAreaEntry,
  TextFieldEntry,
  isCheckboxEntryEdited,
  isSelectEntryEdited,
  isTextAreaEntryEdited,
  isTextFieldEntryEdited
} from '@bpmn-io/properties-panel';
import { jsx } from '@bpmn-io/properties-panel/preact/jsx-runtime';
import { useService } from 'bpmn-js-properties-panel';

/**
 * One line of the panel, without the panel's wiring.
 *
 * @typedef {object} Line
 * @property {string} id unique within the panel
 * @property {string} label
 * @property {string} [hint]
 * @property {(element: any) => any} read
 * @property {(element: any, value: any) => void} write
 * @property {(value: any) => string|undefined} [fault] what is wrong with a value
 * @property {{value: string, label: string}[]} [choices] of a choice
 */

/** @param {Line} line */
export function text(line) {
  return { id: line.id, line, component: Text, isEdited: isTextFieldEntryEdited };
}

/** @param {Line} line */
export function longText(line) {
  return { id: line.id, line, component: LongText, isEdited: isTextAreaEntryEdited };
}

/** @param {Line} line with choices; a value that is none of them is shown as it is, and kept */
export function choice(line) {
  return { id: line.id, line, component: Choice, isEdited: isSelectEntryEdited };
}

/** @param {Line} line with a value of true or false */
export function check(line) {
  return { id: line.id, line, component: Check, isEdited: isCheckboxEntryEdited };
}

function Text(props) {
  return jsx(TextFieldEntry, { ...common(props), debounce: useService('debounceInput') });
}

function LongText(props) {
  return jsx(TextAreaEntry, { ...common(props), debounce: useService('debounceInput'), monospace: true, autoResize: true });
}

function Choice(props) {
  const { choices } = props.line;
  const getOptions = element => {
    const value = props.line.read(element);
    const known = choices.some(option => option.value === value);
    return known || !value ? choices : [...choices, { value, label: value }];
  };
  return jsx(SelectEntry, { ...common(props), getOptions });
}

function Check(props) {
  return jsx(CheckboxEntry, common(props));
}

function common({ element, id, line }) {
  return {
    element,
    id,
    label: line.label,
    description: line.hint,
    getValue: () => line.read(element),
    setValue: value => line.write(element, value ?? ''),
    validate: line.fault
  };
}
