// Loaded as a classic script in the head, before the first paint: no import here.
{
  const stored = () => {
    try {
      return localStorage.getItem('gatewright-theme');
    } catch {
      return null; // storage refused: the system's choice holds
    }
  };
  const system = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    const chosen = stored();
    const dark = chosen ? chosen === 'dark' : system.matches;
    document.documentElement.dataset.bsTheme = dark ? 'dark' : 'light';
  };
  apply();
  system.addEventListener('change', apply);
  // Paper is light: dark colours would print as pale ink.
  addEventListener('beforeprint', () => (document.documentElement.dataset.bsTheme = 'light'));
  addEventListener('afterprint', apply);
}
