/** Until when a sale's price holds, and how many units are left at it. */

import type { Price } from "../shared/documents.ts";

const DAY_MS = 24 * 3_600_000;
const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** "until 14:00" while that is near, else with the day. */
export function untilText(endsAtMs: number, nowMs: number): string {
  return `until ${(endsAtMs - nowMs < DAY_MS ? time : moment).format(endsAtMs)}`;
}

export function SaleNote({ sale }: { sale: Price["sale"] }) {
  if (sale === undefined) return null;
  const { ends_at_ms, quota_left } = sale;
  return (
    <span className="price-sale" data-testid="price-sale">
      {untilText(ends_at_ms, Date.now())}
      {quota_left !== null && `, ${quota_left} left at this price`}
    </span>
  );
}
