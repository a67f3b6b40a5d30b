import { follow } from '../live/changes.js';

/**
 * Turn server-sent events into DOM events: `<div data-live="/events/inbox" hx-trigger="changed" hx-get="...">`
 * refreshes itself whenever the server tells of a change.
 *
 * @param {Document} page
 */
export function followLiveParts(page) {
  for (const part of page.querySelectorAll('[data-live]')) {
    const stop = follow(part.dataset.live, detail => part.dispatchEvent(new CustomEvent('changed', { detail })));
    addEventListener('pagehide', stop, { once: true });
  }
}
