/** Where suppliers' feeds come from and how their data stands, live. */

import type { SourceDocument, SupplyDocument } from "@shopwire/client";
import { useTopics } from "@shopwire/client/react";
import { useEffect } from "react";
import { getJson } from "../shared/api.ts";
import { type Remote, useRemote } from "../shared/remote.ts";
import { ageText } from "../shared/time.ts";
import type { State } from "./words.ts";

/** How a supplier's data stands, with what the list knows besides. */
export interface SupplyRow extends Omit<SupplyDocument, "sources"> {
  readonly name: string;
  /** SKUs that the supplier offers. */
  readonly skus: number;
}

export interface SourcesData {
  readonly suppliers: readonly SupplyRow[];
  readonly sources: readonly SourceDocument[];
}

/** All sources, or those of one supplier; the list is read again when one is added or removed. */
export function useSources(supplier?: string): Remote<SourcesData> {
  const path = supplier ? `/api/sources?supplier=${encodeURIComponent(supplier)}` : "/api/sources";
  const remote = useRemote(path, (at, signal) => getJson<SourcesData>(at, signal));
  const { data, reload, loading } = remote;
  const supplies = useTopics(data?.suppliers.map((one) => `supply:${one.supplier}` as const) ?? []);
  const sources = useTopics(data?.sources.map((one) => `source:${idOf(one)}` as const) ?? []);
  const told = supplies.flatMap((one) =>
    one?.doc ? one.doc.sources.map((name) => `${one.doc?.supplier}/${name}`) : [],
  );
  const known = new Set(data?.sources.map(idOf));
  const isStale = data !== null && !loading && told.some((id) => !known.has(id));
  useEffect(() => {
    if (isStale) reload();
  }, [isStale, reload]);
  if (data === null) return { ...remote, data: null };
  return {
    ...remote,
    data: {
      suppliers: data.suppliers.map((one, at) => ({ ...one, ...supplies[at]?.doc })),
      // A source that is gone has a version and no document.
      sources: data.sources
        .map((one, at) => (sources[at] ? sources[at].doc : one))
        .filter((one) => one !== null),
    },
  };
}

export function idOf({ supplier, name }: Pick<SourceDocument, "supplier" | "name">): string {
  return `${supplier}/${name}`;
}

export function hrefOf(source: Pick<SourceDocument, "supplier" | "name">): string {
  const { supplier, name } = source;
  return `/console/suppliers/${encodeURIComponent(supplier)}/${encodeURIComponent(name)}`;
}

export const SUPPLY_STATES: Readonly<Record<SupplyDocument["state"], State>> = {
  fresh: { word: "Fresh", tone: "good" },
  late: { word: "Late", tone: "waits" },
  stale: { word: "Stale", tone: "bad" },
  failed: { word: "Not reached", tone: "bad" },
  paused: { word: "Paused", tone: "over" },
};

const OUTCOMES: Readonly<Record<string, State>> = {
  taken: { word: "Taken", tone: "good" },
  unchanged: { word: "As before", tone: "good" },
  nothing_new: { word: "Nothing new", tone: "over" },
  held: { word: "Held for a person", tone: "waits" },
  failed: { word: "Failed", tone: "bad" },
  lost: { word: "Broke off", tone: "bad" },
};

/** What came of a run; an outcome that this page does not know yet is shown as it is. */
export function outcomeState(outcome: string): State {
  return OUTCOMES[outcome] ?? { word: outcome, tone: "waits" };
}

/** What the shop keeps back while the data is stale; empty where it offers everything. */
export function cautionText({ caution }: Pick<SupplyDocument, "caution">): string {
  if (caution.everything) return "nothing is offered";
  const parts = [];
  if (caution.units) parts.push(`${caution.units} units`);
  if (caution.share_bp) parts.push(`${caution.share_bp / 100} %`);
  return parts.length > 0 ? `${parts.join(" and ")} of each article kept back` : "";
}

export function whereText({ place }: Pick<SourceDocument, "place">): string {
  if (place.kind === "push") return "pushed by the supplier";
  return place.pattern === "*" ? place.address : `${place.address}, ${place.pattern}`;
}

export function scheduleText({ schedule, place }: SourceDocument): string {
  if (place.kind === "push") return "whenever it comes";
  if (schedule === null) return "only when asked";
  if (schedule.daily_at !== null) return `daily at ${schedule.daily_at}, ${schedule.time_zone}`;
  const minutes = schedule.every_minutes ?? 0;
  return minutes % 60 === 0 ? `every ${minutes / 60} h` : `every ${minutes} min`;
}

/** When a source is looked at next. */
export function nextText(source: SourceDocument, supply: SupplyRow | null, now: number): string {
  if (source.state === "paused") return "paused";
  if (source.running_since_ms !== null) return "running now";
  if (source.due_ms === null) return source.place.kind === "push" ? "waits for a push" : "not due";
  const due = Math.max(source.due_ms, supply?.retry_ms ?? 0) - now;
  return due <= 0 ? "due now" : `in ${ageText(due)}`;
}
