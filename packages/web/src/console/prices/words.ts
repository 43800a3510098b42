/** Prices in plain words: changes, shares, promotions, and why a price is what it is. */

import { formatMoney } from "../../shared/money.ts";
import { momentText } from "../../shared/time.ts";
import { unscaled } from "./draft.ts";
import type { Bar, Promotion, Step, Sum } from "./types.ts";

const percent = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

/** "12.5 %" of basis points. */
export function shareText(bp: number): string {
  return `${percent.format(bp / 100)} %`;
}

/** "+12.5 %": which way it goes is the point. */
export function changeText(bp: number): string {
  return `${bp > 0 ? "+" : ""}${shareText(bp)}`;
}

/** What is left of the prices, as a share; a dash where there are none. */
export function marginText({ revenue_minor, margin_minor }: Sum): string {
  return revenue_minor === 0 ? "–" : `${percent.format((margin_minor / revenue_minor) * 100)} %`;
}

/** A bar of the histogram: "5 to 10 % up". */
export function barText({ from_bp, below_bp }: Bar): string {
  if (from_bp === 0 && below_bp === 1) return "stay";
  if (from_bp === null) return `over ${-(below_bp ?? 0) / 100} % down`;
  if (below_bp === null) return `over ${Math.floor(from_bp / 100)} % up`;
  const [low, high] = [Math.floor(from_bp / 100), Math.floor(below_bp / 100)];
  return from_bp > 0 ? `${low} to ${high} % up` : `${-high} to ${-low} % down`;
}

export function offText({ kind, value, currency }: Promotion): string {
  if (kind === "percent") return `${unscaled(value, 2)} % off`;
  const money = formatMoney(value, currency);
  return kind === "amount" ? `${money} off` : `for ${money}`;
}

export type PromotionState = "on its way" | "planned" | "running" | "over";

export function stateOf(one: Promotion, now: number): PromotionState {
  if (one.ended || one.ends_at_ms <= now) return "over";
  if (one.skus_count === null) return "on its way";
  return one.starts_at_ms <= now ? "running" : "planned";
}

/** One step of the way to a price, as a sentence. */
export function stepText(step: Step, currency: string): string {
  const amount = formatMoney(step.amount_minor, step.currency ?? currency);
  switch (step.kind) {
    case "cost":
      return `The cheapest offer is ${amount}, from ${step.name}.`;
    case "rate":
      return `At ${step.rate} (${step.name}) that is ${amount}.`;
    case "shipping":
      return `With shipping of ${formatMoney(step.add_minor ?? 0, currency)} it is ${amount}.`;
    case "fee":
      return `With the fee of ${formatMoney(step.add_minor ?? 0, currency)} it is ${amount}.`;
    case "rule":
      return ruleText(step, currency, amount);
    case "floor_margin":
      return step.held
        ? `The least margin asks ${amount}, which is more: it has the last word.`
        : `The least margin asks no more than ${amount}.`;
    case "floor_map":
      return step.held
        ? `The minimum that a supplier demands is ${amount}: it has the last word.`
        : `The minimum that a supplier demands is ${amount}.`;
    case "ending":
      return `With its ending the price is ${amount}.`;
    case "promotion":
      return `The promotion ${step.name} makes it ${amount}${step.held ? ", which is the floor" : ""}.`;
    case "compare_at":
      return `Beside it ${amount} is shown, struck through.`;
    default:
      return `${step.kind}: ${amount}.`;
  }
}

function ruleText(step: Step, currency: string, amount: string): string {
  const times = `${unscaled(step.factor_bp ?? 10_000, 4)} times`;
  const plus = step.add_minor ? ` plus ${formatMoney(step.add_minor, currency)}` : "";
  const why = step.because?.length ? ` (${step.because.join(", ")})` : "";
  const who = step.name ? `The rule ${step.name}${why}` : "The markup for this range of costs";
  return `${who} asks ${times}${plus}: ${amount}.`;
}

/** "from … to …" of a promotion. */
export function spanText({ starts_at_ms, ends_at_ms }: Promotion): string {
  return `${momentText(starts_at_ms)} to ${momentText(ends_at_ms)}`;
}
