/** Rows of feeds that wait for a person: what they say, what they may be, what is decided. */

import type { MatchDocument } from "@shopwire/client";
import { useClient, useTopic } from "@shopwire/client/react";
import { useCallback, useEffect, useState } from "react";
import { ApiError, getJson, withParams } from "../shared/api.ts";
import { useRemote } from "../shared/remote.ts";

/** An article that a row may be, as the shop shows it. */
export interface Candidate {
  readonly sku: string;
  readonly because: readonly string[];
  readonly product: string;
  readonly title: string;
  readonly variant: string;
  readonly brand: string;
  readonly gtin: string | null;
  readonly mpn: string;
  readonly image: string;
  readonly price_minor: number | null;
  readonly currency: string;
  readonly available: number | null;
  readonly suppliers: readonly string[];
}

export interface Match extends Omit<MatchDocument, "candidates"> {
  readonly candidates: readonly Candidate[];
}

interface MatchPage {
  readonly items: readonly Match[];
  readonly next: string | null;
}

const PAGE_ITEMS = 25;

export function keyOf({ supplier, supplier_sku }: Pick<Match, "supplier" | "supplier_sku">) {
  return `${supplier}/${supplier_sku}`;
}

export interface Matches {
  readonly items: readonly Match[] | null;
  readonly next: string | null;
  readonly error: ApiError | null;
  /** How many wait, by supplier; null until it is known. */
  readonly waiting: Readonly<Record<string, number>> | null;
  readonly more: () => void;
  readonly reload: () => void;
}

/** The queue, read again whenever its length changes: by our decision, another's, or a feed. */
export function useMatches(supplier: string): Matches {
  const waiting = useTopic("matches:queue")?.doc?.waiting ?? null;
  const path = withParams("/api/matches", { limit: PAGE_ITEMS, supplier });
  const { data, error, reload } = useRemote(path, (at, signal) => getJson<MatchPage>(at, signal));
  const [older, setOlder] = useState<MatchPage | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const state = JSON.stringify(waiting);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another length, another list.
  useEffect(() => {
    setOlder(null);
    setFailed(null);
    reload();
  }, [state, path, reload]);
  const next = older === null ? (data?.next ?? null) : older.next;
  const more = useCallback(() => {
    getJson<MatchPage>(withParams(path, { cursor: next })).then(
      (page) => {
        setFailed(null);
        setOlder((was) => ({ items: [...(was?.items ?? []), ...page.items], next: page.next }));
      },
      (problem: unknown) => {
        if (!(problem instanceof ApiError)) throw problem;
        setFailed(problem);
      },
    );
  }, [path, next]);
  const items = data === null ? null : [...data.items, ...(older?.items ?? [])];
  return { items, next, error: error ?? failed, waiting, more, reload };
}

/** What a person may say about a row. */
export type Choice =
  | { readonly kind: "link"; readonly sku: string }
  | { readonly kind: "new" }
  | { readonly kind: "ignore" };

/** Sends decisions; each is answered by itself, and says what it was refused with. */
export function useDecide(): (match: Match, choice: Choice) => Promise<string | null> {
  const client = useClient();
  return useCallback(
    async (match, choice) => {
      const { supplier, supplier_sku, new_sku, new_product } = match;
      const row = { supplier, supplier_sku };
      try {
        if (choice.kind === "link") {
          await client.send("matching.link", { ...row, sku: choice.sku });
        } else if (choice.kind === "ignore") {
          await client.send("matching.ignore", row);
        } else {
          await client.send("matching.make_new", { ...row, sku: new_sku, product: new_product });
        }
        return null;
      } catch (problem) {
        return (problem as Error).message;
      }
    },
    [client],
  );
}

/** The candidate that a bulk decision takes: the only one, unless something speaks against it. */
export function clearCandidate({ candidates, reasons }: Pick<Match, "candidates" | "reasons">) {
  const against = ["gtin_differs", "sku_taken", "several_skus", "forgotten"];
  if (candidates.length !== 1 || reasons.some((one) => against.includes(one))) return null;
  return candidates[0] ?? null;
}

const REASONS: Readonly<Record<string, string>> = {
  several_skus: "More than one article could be it.",
  gtin_differs: "An article fits, but has another GTIN.",
  sku_taken: "The article that fits is another SKU of this supplier already.",
  near_title: "Only the name is like that of an article.",
  same_handle: "A product of another source has the same id.",
  unknown: "Nothing in the shop is like it.",
  forgotten: "Its link was taken back.",
};

export function reasonText(reasons: readonly string[]): string {
  return reasons.map((one) => REASONS[one] ?? one).join(" ");
}

const BECAUSE: Readonly<Record<string, string>> = {
  sku: "same SKU",
  gtin: "same GTIN",
  mpn: "same maker's number",
  title: "like name",
  handle: "same product id",
  link: "linked before",
};

export function becauseText(because: readonly string[]): string {
  return because.map((one) => BECAUSE[one] ?? one).join(", ");
}

export function waitingText(waiting: Readonly<Record<string, number>>): string {
  const count = Object.values(waiting).reduce((sum, one) => sum + one, 0);
  if (count === 0) return "No row waits.";
  return count === 1 ? "One row waits for you." : `${count} rows wait for you.`;
}
