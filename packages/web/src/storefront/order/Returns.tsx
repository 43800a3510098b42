/** What goes back of an order: announced, arrived, and the money for it. */

import type { OrderDocument, ReturnDocument } from "@shopwire/client";
import { useTopics } from "@shopwire/client/react";
import { useEffect } from "react";
import { getJson } from "../../shared/api.ts";
import { Cued } from "../../shared/cue.tsx";
import { Icon } from "../../shared/icons.tsx";
import { formatMoney } from "../../shared/money.ts";
import { useRemote } from "../../shared/remote.ts";
import { returnText } from "./words.ts";

export interface Returns {
  readonly items: readonly ReturnDocument[];
  readonly reload: () => void;
}

/** The returns of an order, live; read again when the order moved, and when one was announced. */
export function useReturns(order: string, version: number): Returns {
  const { data, reload } = useRemote(
    `/api/orders/${encodeURIComponent(order)}/returns`,
    (path, signal) => getJson<{ items: readonly ReturnDocument[] }>(path, signal),
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version may mean a new return.
  useEffect(() => reload(), [version, reload]);
  const known = data?.items ?? [];
  const live = useTopics(known.map(({ id }) => `return:${id}` as const));
  return { items: known.map((one, at) => live[at]?.doc ?? one), reload };
}

interface ReturnsShownProps {
  order: OrderDocument;
  returns: readonly ReturnDocument[];
}

export function ReturnsShown({ order, returns }: ReturnsShownProps) {
  if (returns.length === 0) return null;
  const titleOf = (sku: string): string =>
    order.lines.find((line) => line.sku === sku)?.title ?? sku;
  return (
    <section className="order-part" aria-labelledby="returns">
      <h2 id="returns">Sent back</h2>
      <ul className="parcels">
        {returns.map((one) => (
          <li key={one.id} data-testid="return" data-status={one.status}>
            <Icon name="swap" />
            <div>
              <p className="parcel-status">
                <Cued value={one.status} of={[`return:${one.id}`]}>
                  {returnText(one)}
                </Cued>
              </p>
              <p className="soft">
                {one.lines.map(({ sku, announced }) => `${announced} × ${titleOf(sku)}`).join(", ")}
              </p>
              {one.refund_minor > 0 && (
                <p className="soft">
                  {formatMoney(one.refund_minor, one.currency)} of{" "}
                  {formatMoney(one.value_minor, one.currency)} given back
                </p>
              )}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
