/** Conflicts as an operator looks at them: who lacks what, and which orders it concerns. */

import type { ConflictDocument, OfferDocument } from "@shopwire/client";
import { useTopics } from "@shopwire/client/react";
import { withParams } from "../shared/api.ts";
import type { ConflictEntry } from "../shared/documents.ts";
import { useOrderNews } from "./orderNews.ts";
import { type Paged, usePaged } from "./usePaged.ts";

const PAGE_ITEMS = 100;
const PATH = withParams("/api/conflicts", { status: "open", limit: PAGE_ITEMS });

/** A SKU that one supplier has too few of, with the orders that wait for a choice. */
export interface Shortage {
  readonly key: string;
  readonly sku: string;
  readonly supplier: string;
  readonly reason: ConflictDocument["reason"];
  readonly units: number;
  readonly open: readonly ConflictDocument[];
  /** What other suppliers offer. */
  readonly offers: readonly OfferDocument[];
}

/** Open conflicts by what is short; what has waited longest first, as of the live documents. */
export function shortagesOf(
  entries: readonly ConflictEntry[],
  liveOf: (id: string) => ConflictDocument | null | undefined,
): readonly Shortage[] {
  const found = new Map<string, Shortage>();
  const oldest = [...entries].sort((a, b) => a.doc.opened_at_ms - b.doc.opened_at_ms);
  for (const entry of oldest) {
    const conflict = liveOf(entry.doc.id) ?? entry.doc;
    if (conflict.status !== "open") continue;
    const { sku, supplier, reason, quantity } = conflict;
    const key = JSON.stringify([sku, supplier]);
    const known = found.get(key);
    found.set(key, {
      ...{ key, sku, supplier, reason, offers: entry.offers },
      units: (known?.units ?? 0) + quantity,
      open: [...(known?.open ?? []), conflict],
    });
  }
  return [...found.values()];
}

export interface OpenConflicts {
  readonly list: Paged<ConflictEntry>;
  readonly shortages: readonly Shortage[];
  /** Orders that wait for a choice. */
  readonly open: number;
}

/** What is in question right now: gone the moment anybody has chosen, whoever it was. */
export function useOpenConflicts(): OpenConflicts {
  const list = usePaged<ConflictEntry>(PATH);
  useOrderNews(list.reload);
  const live = useTopics(list.items?.map(({ doc }) => `conflict:${doc.id}` as const) ?? []);
  const byId = new Map(live.map((held) => [held?.doc?.id, held?.doc]));
  const shortages = shortagesOf(list.items ?? [], (id) => byId.get(id));
  return { list, shortages, open: shortages.reduce((sum, one) => sum + one.open.length, 0) };
}
