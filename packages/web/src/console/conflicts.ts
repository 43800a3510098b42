/** Conflicts as an operator looks at them: who lacks what, and which orders it concerns. */

import type { ConflictDocument, OfferDocument } from "@shopwire/client";
import type { ConflictEntry } from "../shared/documents.ts";

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
