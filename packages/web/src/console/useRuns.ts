/** The latest imports, live: which there are, and how far each of them is. */

import { useClient, useTopic, useTopics } from "@shopwire/client/react";
import { useEffect } from "react";
import { getJson, withParams } from "../shared/api.ts";
import type { ImportRun } from "../shared/documents.ts";
import { type Remote, useRemote } from "../shared/remote.ts";

const RECENT = "imports:recent";
/** Runs that a list shows. */
export const RUNS_MAX = 50;
/** How often is asked where the server does not tell of new runs by itself. */
const ASK_MS = 5_000;

export function useRuns(): Remote<readonly ImportRun[]> {
  const client = useClient();
  const remote = useRemote(withParams("/api/imports", { limit: RUNS_MAX }), (path, signal) =>
    getJson<{ items: readonly ImportRun[] }>(path, signal).then(({ items }) => items),
  );
  const { data, reload } = remote;
  const newest = useTopic(RECENT)?.doc?.runs[0];
  useEffect(() => {
    if (newest !== undefined) reload();
  }, [newest, reload]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (client.refusal(RECENT)) reload();
    }, ASK_MS);
    return () => clearInterval(timer);
  }, [client, reload]);

  const topics = data?.map(({ id }) => `import:${id}` as const) ?? [];
  const live = useTopics(topics);
  return { ...remote, data: data?.map((run, at) => live[at]?.doc ?? run) ?? null };
}
