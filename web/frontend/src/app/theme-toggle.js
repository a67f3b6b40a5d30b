/**
 * Let each button `[data-theme-toggle]` switch between light and dark; the choice stays in this browser.
 *
 * The buttons start hidden, so that no page without script shows one that does nothing.
 *
 * @param {Document} page
 */
export function offerThemes(page) {
  for (const button of page.querySelectorAll('[data-theme-toggle]')) {
    button.hidden = false;
    describe(button, page);
    button.addEventListener('click', () => {
      const next = page.documentElement.dataset.bsTheme === 'dark' ? 'light' : 'dark';
      page.documentElement.dataset.bsTheme = next;
      try {
        localStorage.setItem('gatewright-theme', next);
      } catch {
        // Storage refused: the choice holds for this page alone.
      }
      describe(button, page);
    });
  }
}

/** Name on the button what a press will give. */
function describe(button, page) {
  button.textContent = page.documentElement.dataset.bsTheme === 'dark' ? 'Light colours' : 'Dark colours';
}
