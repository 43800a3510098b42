/** Imports that wait for a person, on whatever page one is, live. */

import { useTopic, useTopics } from "@shopwire/client/react";
import { useEffect } from "react";
import { getJson } from "../shared/api.ts";
import type { ImportRun } from "../shared/documents.ts";
import { useRemote } from "../shared/remote.ts";

/** What waits for longer than this is told in another tone. */
export const LONG_HELD_MS = 24 * 3_600_000;

/** Held runs, the one that waits longest first. Each was running before, so those are followed. */
export function useHeld(): readonly ImportRun[] {
  const { data, reload } = useRemote("/api/imports?only_open=true&limit=200", (path, signal) =>
    getJson<{ items: readonly ImportRun[] }>(path, signal).then(({ items }) => items),
  );
  const newest = useTopic("imports:recent")?.doc?.runs[0];
  useEffect(() => {
    if (newest !== undefined) reload();
  }, [newest, reload]);
  const live = useTopics(data?.map(({ id }) => `import:${id}` as const) ?? []);
  const runs = data?.map((run, at) => live[at]?.doc ?? run) ?? [];
  return runs.filter(({ status }) => status === "held").reverse();
}
