/**
 * Keeps the shop's pages at hand while the shop cannot be reached: a reader who was here can come
 * back, look at what was looked at before, and fill a cart. It never answers for a command, and
 * never with an older answer where a newer one can be had.
 */

import { FILES_MAX, kindOf, PAGE_MS_MAX, READS_MAX, worthKeeping } from "./rules.ts";

/** What of a worker's surroundings is used; the pages' own types know nothing of it. */
interface Waiting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Asking extends Waiting {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Telling extends Waiting {
  readonly data: unknown;
}
interface Worker {
  readonly location: Location;
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(kind: "install" | "activate", hear: (event: Waiting) => void): void;
  addEventListener(kind: "fetch", hear: (event: Asking) => void): void;
  addEventListener(kind: "message", hear: (event: Telling) => void): void;
}

const worker = globalThis as unknown as Worker;
const FILES = "shopwire.files";
const READS = "shopwire.reads";
/** Under which the one page is kept that stands at every address of the shop. */
const PAGE = "/";
/** Which files the pages need, written by the build. */
const LIST = "/offline.json";

worker.addEventListener("install", (event) => {
  event.waitUntil(Promise.all([fill(), keepPage(), worker.skipWaiting()]));
});

worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const kind = kindOf(request, worker.location.origin);
  if (kind === "page") {
    event.respondWith(page(request));
    // A newer build has other files.
    event.waitUntil(fill());
  } else if (kind === "file") event.respondWith(file(request));
  else if (kind === "read") event.respondWith(read(request));
});

/** A page tells what it loaded before the worker was there. */
worker.addEventListener("message", (event) => {
  const { data } = event;
  const urls = Array.isArray(data) ? data.filter((one) => typeof one === "string") : [];
  const paths = worthKeeping(urls, worker.location.origin);
  event.waitUntil(Promise.allSettled(paths.map(take)));
});

async function take(path: string): Promise<void> {
  const request = new Request(path);
  await (kindOf(request, worker.location.origin) === "file" ? file(request) : read(request));
}

async function page(request: Request): Promise<Response> {
  const patience = AbortSignal.timeout(PAGE_MS_MAX);
  try {
    const answer = await fetch(request, { signal: patience });
    if (answer.ok) await put(FILES, PAGE, answer.clone(), FILES_MAX);
    return answer;
  } catch (problem) {
    const known = await (await caches.open(FILES)).match(PAGE, { ignoreVary: true });
    if (known === undefined) throw problem;
    return known;
  }
}

async function file(request: Request): Promise<Response> {
  const known = await (await caches.open(FILES)).match(request, { ignoreVary: true });
  if (known !== undefined) return known;
  const answer = await fetch(request);
  if (answer.ok) await put(FILES, request, answer.clone(), FILES_MAX);
  return answer;
}

async function read(request: Request): Promise<Response> {
  try {
    const answer = await fetch(request);
    if (answer.ok) await put(READS, request, answer.clone(), READS_MAX);
    return answer;
  } catch (problem) {
    const known = await (await caches.open(READS)).match(request, { ignoreVary: true });
    if (known === undefined) throw problem;
    return known;
  }
}

/** Fetches the files that the pages need and that are not kept yet. */
async function fill(): Promise<void> {
  try {
    const { files } = (await (await fetch(LIST)).json()) as { files: readonly string[] };
    await Promise.allSettled(files.map((path) => file(new Request(path))));
  } catch {
    // Not to be had now: what is loaded is kept as it comes.
  }
}

async function keepPage(): Promise<void> {
  try {
    const answer = await fetch(PAGE);
    if (answer.ok) await put(FILES, PAGE, answer, FILES_MAX);
  } catch {
    // The next look at a page keeps it.
  }
}

/** Keeps an answer, the newest of its address; where there is no room, nothing is kept. */
async function put(name: string, request: RequestInfo, answer: Response, most: number) {
  try {
    const cache = await caches.open(name);
    // Deleted first: an address that is asked for again is a young one.
    await cache.delete(request, { ignoreVary: true });
    await cache.put(request, answer);
    const keys = await cache.keys();
    for (const old of keys.slice(0, Math.max(0, keys.length - most))) await cache.delete(old);
  } catch {
    // Full or forbidden: the answer itself is not touched by that.
  }
}
