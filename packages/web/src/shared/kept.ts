/** Small things that this browser keeps, shared by its windows; in memory where it keeps nothing. */

import { useSyncExternalStore } from "react";

type Kind = "local" | "session";

const CHANGED = "shopwire:kept";
/** What the browser would not keep. */
const memory = new Map<string, string>();

function storageOf(kind: Kind): Storage | null {
  try {
    return kind === "local" ? window.localStorage : window.sessionStorage;
  } catch {
    return null; // Forbidden by the browser's settings.
  }
}

/** What is kept under a name; null where nothing is. */
export function kept(name: string, kind: Kind = "local"): string | null {
  const here = memory.get(name);
  if (here !== undefined) return here;
  try {
    return storageOf(kind)?.getItem(name) ?? null;
  } catch {
    return null;
  }
}

/** Keeps a text under a name; null forgets it. */
export function keep(name: string, value: string | null, kind: Kind = "local"): void {
  memory.delete(name);
  try {
    const storage = storageOf(kind);
    if (value === null) storage?.removeItem(name);
    else if (storage === null) memory.set(name, value);
    else storage.setItem(name, value);
  } catch {
    // Full or forbidden: it holds until the page is left.
    if (value !== null) memory.set(name, value);
  }
  window.dispatchEvent(new Event(CHANGED));
}

function listen(listener: () => void): () => void {
  window.addEventListener(CHANGED, listener);
  window.addEventListener("storage", listener);
  return () => {
    window.removeEventListener(CHANGED, listener);
    window.removeEventListener("storage", listener);
  };
}

/** What is kept under a name, also when another window of this browser changes it. */
export function useKept(name: string): string | null {
  return useSyncExternalStore(listen, () => kept(name));
}

/** Characters that nobody guesses. Not `crypto.randomUUID`: a plain-HTTP address does not have it. */
export function unguessable(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
