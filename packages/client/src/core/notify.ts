/** Calling listeners so that a defect in one of them stays its own. */

/** Calls each; what one throws is reported like any uncaught error, and the others still hear. */
export function notify<A extends unknown[]>(
  listeners: Iterable<(...news: A) => void>,
  ...news: A
): void {
  for (const listener of [...listeners]) {
    try {
      listener(...news);
    } catch (problem) {
      queueMicrotask(() => {
        throw problem;
      });
    }
  }
}
