/** What the worker keeps of the shop's pages, and for whom it answers; no I/O. */

/** Files of the pages that are kept; the oldest beyond them go. */
export const FILES_MAX = 150;
/** Public answers and pictures that are kept; the oldest beyond them go. */
export const READS_MAX = 300;
/** How long a page may take to come; then the kept one is shown. */
export const PAGE_MS_MAX = 4_000;

/**
 * `page`: the shop's page, the newest that can be had. `file`: its name says what is in it, so a
 * kept one is right for ever. `read`: what everybody may see, the newest that can be had. `none`:
 * not the worker's business, such as the console, commands and everything of one reader alone.
 */
export type Kind = "page" | "file" | "read" | "none";

const READS = /^\/(api\/(products|categories)(\/|$)|pictures\/|mark\.svg$)/;
const NOT_SHOP = /^\/(console|api|sync|graphql|topics|metrics|docs)(\/|$)/;

export interface Asked {
  readonly method: string;
  readonly mode: string;
  /** The whole address. */
  readonly url: string;
}

/** How a request is answered, by an installation at this origin. */
export function kindOf({ method, mode, url }: Asked, origin: string): Kind {
  const { pathname, origin: from } = new URL(url);
  if (method !== "GET" || from !== origin) return "none";
  if (pathname.startsWith("/assets/")) return "file";
  if (READS.test(pathname)) return "read";
  return mode === "navigate" && !NOT_SHOP.test(pathname) ? "page" : "none";
}

/** Of what a page has loaded, the paths that are worth keeping, each once. */
export function worthKeeping(urls: readonly string[], origin: string): string[] {
  const paths = urls.flatMap((url) => {
    const kind = URL.canParse(url) ? kindOf({ method: "GET", mode: "cors", url }, origin) : "none";
    const { pathname, search } = kind === "none" ? { pathname: "", search: "" } : new URL(url);
    return pathname === "" ? [] : [pathname + search];
  });
  return [...new Set(paths)].slice(-READS_MAX);
}
