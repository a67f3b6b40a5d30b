import { json } from '../diagram/answers.js';

/**
 * What diagrams may name in this house.
 *
 * @typedef {object} Vocabulary
 * @property {{name: string, summary: string, kind: string, parameters: object}[]} handlers parameters as JSON Schema
 * @property {string[]} roles
 * @property {string[]} evidence
 * @property {string[]} task_kinds
 * @property {string[]} forms
 * @property {string[]} processes
 */

const LISTS = ['handlers', 'roles', 'evidence', 'task_kinds', 'forms', 'processes'];

/** @param {string} url @returns {Promise<Vocabulary>} with an empty list for each word that the server leaves out */
export async function loadVocabulary(url) {
  const answer = await json(url);
  return Object.fromEntries(LISTS.map(name => [name, answer[name] ?? []]));
}
