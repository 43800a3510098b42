/** A choice of suppliers in words: who sends what, what it comes to, what else there was. */

import type {
  RouteAlternative,
  RouteChoice,
  RouteDocument,
  RouteLeft,
  RouteLeftOut,
  RouteMove,
  RoutePick,
  RouteReview,
  RoutingRule,
} from "@shopwire/client";
import { formatMoney } from "../shared/money.ts";

type Named = (supplier: string) => string;

/** "Acme sends 2 × MUG and 1 × PLATE" */
export function sendsText(picks: readonly RoutePick[], nameOf: Named): readonly string[] {
  const own = new Map<string, string[]>();
  for (const { supplier, sku, quantity } of picks) {
    own.set(supplier, [...(own.get(supplier) ?? []), `${quantity} × ${sku}`]);
  }
  return [...own].map(([supplier, units]) => `${nameOf(supplier)} sends ${listed(units)}`);
}

/** "a", "a and b", "a, b and c" */
export function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** Why this choice and no other, in a sentence. */
export function reasonText(choice: RouteChoice, currency: string, nameOf: Named): string {
  const gap = choice.sums.total_minor - choice.bound_minor;
  const proof =
    gap === 0
      ? "No other way to send it has a lower total"
      : `A better way could be lower by ${formatMoney(gap, currency)} at most`;
  const next = choice.alternatives?.[0];
  if (!next) return `${proof}; there was no other way.`;
  const more = next.sums.total_minor - choice.sums.total_minor;
  const behind = more === 0 ? "comes to the same" : `comes to ${formatMoney(more, currency)} more`;
  return `${proof}. The next best, ${alternativeText(next, nameOf)}, ${behind}.`;
}

/** "without Acme", "all from Acme" */
export function alternativeText({ kind, supplier }: RouteAlternative, nameOf: Named): string {
  return kind === "without" ? `without ${nameOf(supplier)}` : `all from ${nameOf(supplier)}`;
}

/** What a unit of a pick weighs besides its cost: "lead time 0.40, score 0.12" */
export function weighedText(pick: RoutePick, currency: string): string {
  const parts: [string, number][] = [
    ["lead time", pick.lead_minor ?? 0],
    ["score", pick.score_minor ?? 0],
    ["doubt about the count", pick.doubt_minor ?? 0],
    ["preferred", -(pick.bonus_minor ?? 0)],
  ];
  const said = parts.filter(([, minor]) => minor !== 0);
  if (said.length === 0) return "nothing besides its cost";
  return said.map(([name, minor]) => `${name} ${formatMoney(minor, currency)}`).join(", ");
}

const LEFT_OUT: Readonly<Record<RouteLeftOut["why"], string>> = {
  no_offer: "has no offer for it",
  no_stock: "has none",
  paused: "is paused",
  currency: "offers it in another currency",
  region: "does not send there",
  rule: "is excluded",
};

export function leftOutText(one: RouteLeftOut, nameOf: Named): string {
  const rule = one.why === "rule" && one.rule !== "" ? ` by “${one.rule}”` : "";
  return `${one.sku}: ${nameOf(one.supplier)} ${LEFT_OUT[one.why]}${rule}.`;
}

export function reviewText(review: RouteReview): string {
  const skus = listed(review.skus);
  if (review.why === "rule") return `“${review.rule}” wants a look at ${skus}.`;
  return `Only suppliers that are excluded, paused or do not send there have ${skus}.`;
}

const WHYS: Readonly<Record<string, string>> = {
  refused: "was refused",
  late: "got no answer",
  overpromised: "was not there",
  review: "was moved by hand",
};

/** "2 × MUG of Acme was refused: Best sends it" */
export function moveText(move: RouteMove, currency: string, nameOf: Named): string {
  const to = listed(move.picks.map((pick) => nameOf(pick.supplier)));
  const why = WHYS[move.why] ?? move.why;
  const loss =
    move.loss_minor > 0
      ? ` It costs ${formatMoney(move.loss_minor, currency)} more than paid.`
      : "";
  return `${move.quantity} × ${move.sku} of ${nameOf(move.supplier)} ${why}: ${to} sends it.${loss}`;
}

export function leftText(left: RouteLeft, currency: string, nameOf: Named): string {
  const whose = `${left.sku} of ${nameOf(left.supplier)}`;
  if (left.why === "loss") {
    const loss = formatMoney(left.loss_minor, currency);
    return `${whose}: sending it from elsewhere would cost ${loss} more than was paid. Decide.`;
  }
  if (left.why === "nobody") return `${whose}: nobody else can send it. Decide.`;
  return `${whose}: the rules leave it to a person.`;
}

/** Units that come from somebody else than was chosen: "4 × MUG from Best" */
export function otherwiseText(route: RouteDocument, nameOf: Named): readonly string[] {
  const chosen = new Map(
    route.choice.picks.map((pick) => [`${pick.sku}\n${pick.supplier}`, pick.quantity]),
  );
  return route.shares
    .map((share) => {
      const more = share.quantity - (chosen.get(`${share.sku}\n${share.supplier}`) ?? 0);
      return more > 0 ? `${more} × ${share.sku} from ${nameOf(share.supplier)}` : "";
    })
    .filter((text) => text !== "");
}

/** "exclude Acme for categories toys, to DE" */
export function ruleText(rule: RoutingRule, nameOf: Named): string {
  const amount = (minor: number): string => (minor / 100).toFixed(2);
  const parts = [
    rule.suppliers.length > 0 ? listed(rule.suppliers.map(nameOf)) : "any supplier",
    rule.skus.length > 0 ? `for ${listed(rule.skus)}` : "",
    rule.categories.length > 0 ? `in ${listed(rule.categories)}` : "",
    rule.countries.length > 0 ? `to ${listed(rule.countries)}` : "",
    rule.value_from_minor !== null ? `from an order of ${amount(rule.value_from_minor)}` : "",
    rule.value_to_minor !== null ? `up to an order of ${amount(rule.value_to_minor)}` : "",
    rule.margin_below_minor !== null
      ? `where less than ${amount(rule.margin_below_minor)} is left`
      : "",
    rule.bonus_minor > 0 ? `as if ${amount(rule.bonus_minor)} cheaper` : "",
  ];
  return parts.filter((part) => part !== "").join(" ");
}

/** "3.5 h", "2.1 days" */
export function durationText(ms: number | null): string {
  if (ms === null) return "–";
  const hours = ms / 3_600_000;
  if (hours < 1) return `${Math.round(ms / 60_000)} min`;
  return hours < 48 ? `${hours.toFixed(1)} h` : `${(hours / 24).toFixed(1)} days`;
}
