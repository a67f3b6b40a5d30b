/** An answer of the server that is no success; its message is the problem's title and what to do about it. */
export class Refused extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.name = 'Refused';
    this.status = status;
  }
}

/**
 * Fetch from this server; raises Refused with the server's own words (RFC 9457) where it gives any.
 *
 * @param {string} url
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function ask(url, options = {}) {
  let answer;
  try {
    answer = await fetch(url, { credentials: 'same-origin', ...options });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refused(0, 'The server did not answer. Check that it runs, then try again.');
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  const words = [problem.title, problem.detail].filter(Boolean).join(' ');
  throw new Refused(answer.status, words || `The server answered ${answer.status} ${answer.statusText}.`);
}

/** @param {string} url @returns {Promise<string>} the text at an address */
export async function text(url) {
  return (await ask(url)).text();
}

/** @param {string} url @returns {Promise<any>} the JSON value at an address */
export async function json(url) {
  return (await ask(url, { headers: { Accept: 'application/json' } })).json();
}

/**
 * Send a diagram, with the CSRF token in Flask-WTF's header; returns the JSON answer.
 *
 * @param {string} url
 * @param {string} xml
 * @param {{csrf: string, signal?: AbortSignal}} options
 * @returns {Promise<any>}
 */
export async function sendDiagram(url, xml, { csrf, signal }) {
  const headers = { 'Content-Type': 'application/xml', Accept: 'application/json', 'X-CSRFToken': csrf };
  return (await ask(url, { method: 'POST', headers, body: xml, signal })).json();
}
