/** When orders or conflicts moved somewhere, so that a list of them is to be read again. */

import { useClient, useTopic } from "@shopwire/client/react";
import { useEffect, useRef } from "react";

const TOPIC = "ops:orders";
/** Many orders in a moment are one question. */
const PAUSE_MS = 1_000;
/** How often is asked where the server does not tell of news by itself. */
const ASK_MS = 4_000;

/** Calls `changed` soon after orders moved, at most once in PAUSE_MS. */
export function useOrderNews(changed: () => void): void {
  const client = useClient();
  const held = useTopic(TOPIC);
  const version = held?.v ?? 0;
  const silent = held !== undefined && held.doc === null;
  const latest = useRef(changed);
  const askedAt = useRef(0);
  const seen = useRef(version);
  useEffect(() => {
    latest.current = changed;
  });
  useEffect(() => {
    if (version === 0 || version === seen.current) return;
    const wait = Math.max(0, askedAt.current + PAUSE_MS - performance.now());
    const timer = setTimeout(() => {
      askedAt.current = performance.now();
      seen.current = version;
      latest.current();
    }, wait);
    return () => clearTimeout(timer);
  }, [version]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (silent || client.refusal(TOPIC)) latest.current();
    }, ASK_MS);
    return () => clearInterval(timer);
  }, [client, silent]);
}
