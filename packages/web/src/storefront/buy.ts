/** What stands beside the button of an article: whether it can be bought, and why not. */

import type { Stock } from "../shared/documents.ts";
import { sellableOf } from "./cart/cart.ts";

export interface Blocked {
  /** On the button. */
  readonly label: string;
  /** Beside it; empty where the label says it all. */
  readonly reason: string;
}

export interface BuyFacts {
  readonly stock: Stock | null;
  readonly priced: boolean;
}

/** Said beside the button while the shop cannot be reached. */
export const OFFLINE =
  "The shop cannot be reached right now. What you put into your cart is kept on this device and sent when it can.";

/** Why nothing can be bought right now; null where it can. */
export function blockedBy({ stock, priced }: BuyFacts): Blocked | null {
  if (stock === null || !priced) {
    return {
      label: "Not for sale yet",
      reason: "No supplier has said what it costs and how many there are.",
    };
  }
  if (sellableOf(stock) <= 0) {
    return { label: "Sold out", reason: "It can be bought again the moment a supplier has more." };
  }
  return null;
}

/** What a shopper should know before ordering what is not there yet; empty where it is. */
export function laterText(stock: Stock | null): string {
  if (stock?.status === "preorder") {
    return "It is not out yet. Ordered now, it is sent as soon as it is.";
  }
  if (stock?.status === "backorder") {
    return "None is in stock right now. Ordered now, it is sent as soon as the supplier has it again.";
  }
  return "";
}
