/** Light or dark: as the system says, unless the person said otherwise on this browser. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';

const KEY = 'transvisor-theme';
const THEMES = ['system', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

const kept = (): Theme => THEMES.find((one) => one === localStorage.getItem(KEY)) ?? 'system';

export const ThemeButton = (): VNode => {
  const [theme, setTheme] = useState<Theme>(kept);
  useEffect(() => {
    localStorage.setItem(KEY, theme);
    if (theme === 'system') document.documentElement.removeAttribute('data-theme');
    else document.documentElement.setAttribute('data-theme', theme);
  }, [theme]);
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system';
  return html`<button type="button" onClick=${() => setTheme(next)} aria-label=${`Theme: ${theme}; change to ${next}`}>
    ${theme === 'system' ? 'theme' : theme}
  </button>` as VNode;
};
