/** What a shopper is told about a cart: each refusal and each change in words to act on. */

import { CODES, ShopwireError, UnknownOutcome } from "@shopwire/client";
import type { Issue } from "./cart.ts";

export interface Told {
  readonly text: string;
  /** Units that can still be had; null where that is not the point. */
  readonly left: number | null;
}

const told = (text: string, left: number | null = null): Told => ({ text, left });

/** How many are left, after somebody else took some. */
export function fasterText(left: number): string {
  if (left <= 0) return "Someone was faster: it is sold out now.";
  return `Someone was faster: only ${left} ${left === 1 ? "is" : "are"} left.`;
}

/** Why the shop did not take a change; the reason in the shopper's words, else in the server's. */
export function refusalTold(error: Error): Told {
  if (error instanceof UnknownOutcome) {
    return told("No answer came. What you see is what the shop has confirmed; please try again.");
  }
  if (!(error instanceof ShopwireError)) return told(error.message);
  const { code, data } = error;
  switch (code) {
    case CODES.StockShort: {
      const left = Math.max(0, Number(data.available ?? 0));
      return told(fasterText(left), left);
    }
    case CODES.ShopperLimit: {
      const allowed = Math.max(0, Number(data.allowed ?? 0));
      return told(
        `So that it lasts for everybody, one shopper can have ${allowed} of this.`,
        allowed,
      );
    }
    case CODES.HoldLimit:
      return told(
        "All that are left are being paid for by others right now. Some may be free again in a few minutes.",
      );
    case CODES.PriceMoved:
      return told("The price has changed once more. Please look at the new one.");
    case CODES.VersionConflict:
      return told("You changed this in another window meanwhile. This is how it is there.");
    case CODES.CartClosed:
      return told("This cart is being paid for, so nothing in it can be changed right now.");
    case CODES.CartFull:
      return told("The cart is full: it holds no further articles. Buy these first.");
    case CODES.BundleChanged:
      return told("This set is made of other parts now. Look at it again before you take it.");
    default:
      return told(`${error.message} ${error.remedy}`.trim());
  }
}

/** What changed at a line since the shopper looked. */
export function issueText(issue: Issue, quantity: number): string {
  switch (issue.kind) {
    case "withdrawn":
      return "It is not for sale any more.";
    case "short":
      return issue.left > 0
        ? `${fasterText(issue.left)} You wanted ${quantity}.`
        : fasterText(issue.left);
    case "price":
      return issue.to < issue.from
        ? "Good news: it has become cheaper since you put it in."
        : "The price has gone up since you put it in.";
  }
}

/** "3 articles" */
export function unitsText(units: number): string {
  return units === 1 ? "1 article" : `${units.toLocaleString()} articles`;
}
