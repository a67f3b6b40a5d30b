const POLL_MILLISECONDS = 10_000;

/**
 * Call `changed` each time that the server tells of a change, and return a function that ends it.
 *
 * Server-sent events first. A server that has no stream left answers 503, upon which an EventSource gives up for
 * good: then this polls, and asks for a stream again with each poll.
 *
 * @param {string} url where the events come from; each is named `changed`
 * @param {(data: string) => void} changed gets the event's data, or '' from a poll
 * @returns {() => void}
 */
export function follow(url, changed) {
  let source;
  let timer;
  const listen = () => {
    source = new EventSource(url);
    source.addEventListener('changed', event => changed(event.data));
    source.addEventListener('error', () => {
      if (source.readyState !== EventSource.CLOSED) return; // it reconnects by itself
      timer = setTimeout(() => {
        changed('');
        listen();
      }, POLL_MILLISECONDS);
    });
  };
  listen();
  return () => {
    clearTimeout(timer);
    source.close();
  };
}
