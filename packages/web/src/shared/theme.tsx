/** Light, dark, or as the system says. The first paint is set in index.html. */

import { useState } from "react";
import { Icon } from "./icons.tsx";

const KEY = "shopwire.theme";
type Theme = "light" | "dark" | "system";
const ORDER: readonly Theme[] = ["system", "light", "dark"];
const NAMES = { system: "as the system", light: "light", dark: "dark" } as const;

function chosen(): Theme {
  const value = document.documentElement.dataset.theme;
  return value === "light" || value === "dark" ? value : "system";
}

function choose(theme: Theme): void {
  const root = document.documentElement;
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // A browser that keeps nothing forgets the choice with the page; it holds until then.
  }
}

/** One button through the three; says what it is now and what it will be. */
export function ThemeSwitch() {
  const [theme, setTheme] = useState(chosen);
  const next = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length] ?? "system";
  const label = `Colours: ${NAMES[theme]}. Change to ${NAMES[next]}.`;
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={label}
      onClick={() => {
        choose(next);
        setTheme(next);
      }}
    >
      <Icon name={theme === "light" ? "sun" : theme === "dark" ? "moon" : "contrast"} />
    </button>
  );
}
