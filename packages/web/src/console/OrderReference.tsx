/** What a movement was made for: an order, where it is the name of one. */

import { Link } from "../shared/router.tsx";

/** The order in a reference such as `{cart}.{attempt}` or `{cart}.{attempt}/C1`; null for others. */
export function orderIn(reference: string): string | null {
  const found = /^([A-Za-z0-9_-]{8,64}\.\d+)(?:\/.*)?$/.exec(reference);
  return found?.[1] ?? null;
}

/** Ids are long: their ends tell them apart. */
export function shortened(text: string): string {
  return text.length > 24 ? `${text.slice(0, 8)}…${text.slice(-10)}` : text;
}

export function OrderReference({ reference }: { reference: string }) {
  const order = orderIn(reference);
  if (order === null) return <span title={reference}>{shortened(reference) || "–"}</span>;
  return (
    <Link href={`/console/orders/${encodeURIComponent(order)}`} title={reference}>
      {shortened(reference)}
    </Link>
  );
}
