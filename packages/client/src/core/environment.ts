/** What the browser tells of the network and of the reader. */

interface Heard {
  wake: () => void;
  sleep: () => void;
}

/** The window, where there is one. */
export function ownEnvironment(): EventTarget | null {
  return typeof window === "undefined" ? null : window;
}

/** Listens until the returned function is called. */
export function listen(environment: EventTarget | null, { wake, sleep }: Heard): () => void {
  const page = typeof document === "undefined" ? null : document;
  const seen = () => {
    if (page?.visibilityState === "visible") wake();
  };
  environment?.addEventListener("online", wake);
  environment?.addEventListener("offline", sleep);
  page?.addEventListener("visibilitychange", seen);
  return () => {
    environment?.removeEventListener("online", wake);
    environment?.removeEventListener("offline", sleep);
    page?.removeEventListener("visibilitychange", seen);
  };
}
