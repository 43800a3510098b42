/** The suppliers and how many offers each of them has. */

import { useTopics } from "@shopwire/client/react";
import { getJson } from "../shared/api.ts";
import type { ImportRun, Supplier } from "../shared/documents.ts";
import { type Remote, useRemote } from "../shared/remote.ts";

export function useSuppliers(): Remote<readonly Supplier[]> {
  const remote = useRemote("/api/suppliers", (path, signal) =>
    getJson<{ items: readonly Supplier[] }>(path, signal).then(({ items }) => items),
  );
  const live = useTopics(remote.data?.map(({ id }) => `supplier:${id}` as const) ?? []);
  return {
    ...remote,
    data: remote.data?.map((known, at) => ({ ...known, ...live[at]?.doc })) ?? null,
  };
}

/** A supplier's runs, newest first. An import names its supplier as whoever started it did. */
export function runsOf(
  { id, name }: Pick<Supplier, "id" | "name">,
  runs: readonly ImportRun[] | null,
): readonly ImportRun[] {
  return runs?.filter((run) => run.supplier === id || run.supplier === name) ?? [];
}

/** A supplier's name, else its id. */
export function nameOf(id: string, suppliers: readonly Supplier[] | null): string {
  return suppliers?.find((one) => one.id === id)?.name ?? id;
}
