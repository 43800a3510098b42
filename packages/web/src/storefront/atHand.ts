/** Asks the browser to keep the shop's pages at hand; without that all works, but not offline. */

const WORKER = "/worker.js";

/** Begins to; returns at once. */
export function keepAtHand(): void {
  // In development nothing is built, and what is kept would be in the way.
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const known = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker
    .register(WORKER)
    .then(() => navigator.serviceWorker.ready)
    .then(({ active }) => {
      if (!known && active !== null) tellLoaded(active);
    })
    // Forbidden, or not over https: then the pages need the shop, as any other page does.
    .catch(() => undefined);
}

/** What this page began to load before the worker was there goes past it: it is told of that. */
function tellLoaded(worker: ServiceWorker): void {
  const since = performance.now();
  const watch = new PerformanceObserver((list) => {
    const before = list.getEntries().filter(({ startTime }) => startTime < since);
    if (before.length > 0) worker.postMessage(before.map(({ name }) => name));
  });
  watch.observe({ type: "resource", buffered: true });
}
