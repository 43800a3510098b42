/** How far a checkout is, in words; and why it came to nothing. */

import { CODES, type OrderDocument, ShopwireError, UnknownOutcome } from "@shopwire/client";

import { refusalTold } from "../cart/words.ts";

export type StepState = "done" | "now" | "ahead";

export interface Step {
  readonly name: "hold" | "pay" | "place";
  readonly state: StepState;
  readonly text: string;
}

const WORDS = {
  hold: { now: "Putting your articles aside", done: "Your articles are put aside for you" },
  pay: { now: "Asking for the payment", done: "The payment is promised" },
  place: { now: "Placing your order", done: "Your order is placed" },
} as const;

/** Steps that are behind: none, then one after the other. */
function behind(order: OrderDocument | null | undefined): number {
  if (!order) return 0;
  if (order.status !== "checking_out") return 3;
  return order.payment === "" || order.payment === "opened" ? 1 : 2;
}

export function stepsOf(order: OrderDocument | null | undefined): readonly Step[] {
  const done = behind(order);
  return (["hold", "pay", "place"] as const).map((name, at) => {
    const state = at < done ? "done" : at === done ? "now" : "ahead";
    return { name, state, text: WORDS[name][state === "done" ? "done" : "now"] };
  });
}

/** "4:07", never below zero; rounded up, so that 0:00 means over. */
export function countdownText(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** What is said below the steps: that one can leave, or why it takes longer. */
export function retryText(because: Error | null): string {
  if (because === null) {
    return "You can close this page: the order goes on, and its page shows what came of it.";
  }
  if (because instanceof ShopwireError && because.code !== CODES.KeyInFlight) {
    return "The shop is very busy. The same order is being sent again; it counts once.";
  }
  return "No answer yet. The same order is being sent again; it counts once, however often it arrives.";
}

const DECLINES: Readonly<Record<string, string>> = {
  insufficient_funds: "The bank says that there is not enough money on the account.",
  expired_card: "The card has expired.",
  card_declined: "The bank did not accept the card.",
  declined: "The bank did not accept the card.",
  authentication_failed: "The bank could not make sure that it was you.",
};

/** Why an order was not placed, as its document says it. */
export function failureText(reason: string | null): string {
  if (reason === "stock_short") {
    return "Someone was faster while the payment was on its way. Nothing was charged.";
  }
  if (reason === "timed_out") {
    return "The payment took too long, so your articles are free for others again. Nothing was charged.";
  }
  if (reason === "declined") return "The payment was declined. Nothing was charged.";
  return "The order could not be placed. Nothing was charged.";
}

export type Refusal = "payment" | "lines" | "closed" | "unknown" | "other";

export interface Told {
  readonly kind: Refusal;
  readonly text: string;
}

/** What came of a press that did not lead to an order. */
export function checkoutTold(error: Error): Told {
  if (error instanceof UnknownOutcome) {
    return {
      kind: "unknown",
      text: "No answer came, so we cannot say yet whether the order was placed. Press again: the same order cannot be placed twice.",
    };
  }
  if (!(error instanceof ShopwireError)) return { kind: "other", text: error.message };
  const { code, data } = error;
  switch (code) {
    case CODES.PaymentDeclined: {
      const why = DECLINES[String(data.reason ?? "")] ?? DECLINES.declined;
      return {
        kind: "payment",
        text: `${why} Nothing was charged; your cart is as it was. Another way to pay may work.`,
      };
    }
    case CODES.HoldLimit:
    case CODES.ShopperLimit:
      return { kind: "lines", text: refusalTold(error).text };
    case CODES.StockShort:
    case CODES.HoldGone:
      return { kind: "lines", text: "Someone was faster. Your cart shows what is left." };
    case CODES.PriceMoved:
      return { kind: "lines", text: "A price changed just now. Your cart shows the new one." };
    case CODES.QuotaShort: {
      const left = Math.max(0, Number(data.available ?? 0));
      return { kind: "lines", text: saleShortText(left) };
    }
    case CODES.OrderState:
      return { kind: "other", text: failureText(String(data.state ?? "")) };
    case CODES.CartClosed:
      return { kind: "closed", text: "This cart is being paid for already." };
    default:
      return { kind: "other", text: `${error.message} ${error.remedy}`.trim() };
  }
}

/** Fewer units than wanted are left at a sale's price. */
function saleShortText(left: number): string {
  if (left === 0) return "The last one at the sale price was just sold.";
  const few = left === 1 ? "one is" : `${left} are`;
  return `Only ${few} left at the sale price: take that many now, and more at the usual price after.`;
}
