/** Notices that a list has become another one, by its category's revision. */

import { useTopic } from "@shopwire/client/react";
import { useEffect, useRef } from "react";

/** Many products change together when a feed comes: one question is enough for all of them. */
export const QUIET_MS = 1_500;

/** Calls `changed` once the revision has moved and then rested; not for the first one seen. */
export function useRevision(category: string, changed: () => void): void {
  const revision = useTopic(`category:${category || "all"}`)?.doc?.revision;
  const seen = useRef<{ category: string; revision: number | undefined } | null>(null);
  const latest = useRef(changed);
  useEffect(() => {
    latest.current = changed;
  });
  useEffect(() => {
    const before = seen.current;
    if (revision === undefined) return;
    if (before === null || before.category !== category) {
      seen.current = { category, revision };
      return;
    }
    if (before.revision === revision) return;
    const timer = setTimeout(() => {
      seen.current = { category, revision };
      latest.current();
    }, QUIET_MS);
    return () => clearTimeout(timer);
  }, [category, revision]);
}
