/** What the buy button says: each answer in words that a shopper can act on. */

import { CODES, ShopwireError } from "@shopwire/client";
import type { CommandHandle } from "@shopwire/client/react";

export type Tone = "good" | "bad" | "wait";

export interface BuyMessage {
  readonly tone: Tone;
  readonly text: string;
}

export interface SellResult {
  readonly sku: string;
  readonly quantity: number;
  readonly available: number;
}

type BuyState = Pick<CommandHandle<SellResult>, "pending" | "retrying" | "error" | "result">;

/** What came of the last press; null before the first. */
export function buyMessage({ pending, retrying, error, result }: BuyState): BuyMessage | null {
  if (retrying) {
    return {
      tone: "wait",
      text: "No answer yet. Sending the same order again; it counts once, however often it arrives.",
    };
  }
  if (pending) return { tone: "wait", text: "Asking the shop…" };
  if (error instanceof ShopwireError) return { tone: "bad", text: refusalText(error) };
  if (error !== null) {
    return {
      tone: "bad",
      text: "No answer came, so we cannot say whether it was bought. Press again: the same order cannot count twice.",
    };
  }
  if (result === null) return null;
  const { available } = result.result;
  return {
    tone: "good",
    text:
      available > 0
        ? `One is yours. ${available} ${available === 1 ? "was" : "were"} left after it.`
        : "One is yours, and it was the last.",
  };
}

function refusalText(error: ShopwireError): string {
  if (error.code !== CODES.StockShort) return `${error.message} ${error.remedy}`.trim();
  const left = Number(error.data.available ?? 0);
  if (left <= 0) return "Someone was faster: it is sold out now.";
  return `Someone was faster: only ${left} ${left === 1 ? "is" : "are"} left.`;
}

export interface Blocked {
  /** On the button. */
  readonly label: string;
  /** Beside it; empty where the label says it all. */
  readonly reason: string;
}

/** Why nothing can be bought right now; null where it can. */
export function blockedBy(facts: {
  readonly offline: boolean;
  readonly available: number | null;
  readonly priced: boolean;
}): Blocked | null {
  if (facts.available === null || !facts.priced) {
    return {
      label: "Not for sale yet",
      reason: "No supplier has said what it costs and how many there are.",
    };
  }
  if (facts.available <= 0) {
    return { label: "Sold out", reason: "It can be bought again the moment a supplier has more." };
  }
  if (facts.offline) {
    return {
      label: "Buy one",
      reason:
        "The shop cannot be reached, so nothing can be bought right now. Trying to reach it again.",
    };
  }
  return null;
}
