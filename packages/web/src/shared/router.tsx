/** A small router: the URL is the state, links are links. */

import {
  type ComponentProps,
  type MouseEvent,
  useEffect,
  useMemo,
  useSyncExternalStore,
} from "react";

const MOVED = "shopwire:moved";

export interface Place {
  readonly path: string;
  readonly params: URLSearchParams;
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("popstate", listener);
  window.addEventListener(MOVED, listener);
  return () => {
    window.removeEventListener("popstate", listener);
    window.removeEventListener(MOVED, listener);
  };
}

const here = (): string => window.location.pathname + window.location.search;

/** Goes to a path of this site. `replace` keeps the history short while somebody types. */
export function navigate(to: string, { replace = false } = {}): void {
  if (to === here()) return;
  const before = window.location.pathname;
  if (replace) window.history.replaceState(null, "", to);
  else window.history.pushState(null, "", to);
  window.dispatchEvent(new Event(MOVED));
  if (window.location.pathname === before) return;
  if (!replace) window.scrollTo(0, 0);
  // What was pressed may be gone: the next Tab and a screen reader go on at the new page. Whoever
  // types goes on typing.
  const left = document.activeElement;
  if (left?.matches("input, select, textarea")) return;
  setTimeout(() => {
    // Who has gone on to something of the new page meanwhile keeps it.
    const now = document.activeElement;
    if (now !== left && now !== null && now !== document.body) return;
    document.getElementById("main")?.focus({ preventScroll: true });
  }, 0);
}

/** Where we are; the component renders again when that changes. */
export function usePlace(): Place {
  const url = useSyncExternalStore(subscribe, here);
  return useMemo(() => {
    const { pathname, searchParams } = new URL(url, window.location.origin);
    return { path: pathname, params: searchParams };
  }, [url]);
}

/** The path's segments by a pattern such as `/product/:id`; null where it does not fit. */
export function match(pattern: string, path: string): Readonly<Record<string, string>> | null {
  const wanted = pattern.split("/");
  const given = path.replace(/\/+$/, "").split("/");
  if (wanted.length !== given.length) return null;
  const found: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? "";
    if (part.startsWith(":")) {
      if (value === "") return null;
      found[part.slice(1)] = decode(value);
    } else if (part !== value) return null;
  }
  return found;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A stray % in a hand-written address is meant as it stands.
  }
}

function isPlainClick(event: MouseEvent): boolean {
  const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  return event.button === 0 && !modified && !event.defaultPrevented;
}

/** A link within the site; everything else about it is an ordinary `<a>`. */
export function Link({ href, onClick, ...rest }: ComponentProps<"a"> & { href: string }) {
  return (
    <a
      href={href}
      onClick={(event) => {
        onClick?.(event);
        if (!isPlainClick(event)) return;
        event.preventDefault();
        navigate(href);
      }}
      {...rest}
    />
  );
}

/** Names the page; a screen reader that follows the title hears where it is. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title;
  }, [title]);
}
