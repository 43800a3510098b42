/** What left to suppliers; of what may have arrived, a person says whether it did. */

import type { BundleDocument } from "@shopwire/client";
import { useCommand, useTopics } from "@shopwire/client/react";
import { Cued } from "../shared/cue.tsx";
import { momentText } from "../shared/time.ts";
import { useOffline } from "../shared/useOffline.ts";
import { BUNDLE_STATES, RECEIPTS, WAYS } from "./channels.ts";
import { Scroll } from "./Scroll.tsx";
import { StateWord } from "./StateWord.tsx";

interface BundlesTableProps {
  items: readonly BundleDocument[];
  nameOf: (supplier: string) => string;
}

export function BundlesTable({ items, nameOf }: BundlesTableProps) {
  const live = useTopics(items.map(({ id }) => `bundle:${id}` as const));
  if (items.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="bundles">
      <div className="panel-head">
        <h2 id="bundles">What left</h2>
      </div>
      <Scroll label="What left">
        <table className="data">
          <thead>
            <tr>
              <th scope="col">Supplier</th>
              <th scope="col">State</th>
              <th scope="col">Orders</th>
              <th scope="col">When</th>
            </tr>
          </thead>
          <tbody>
            {items.map((known, at) => (
              <Row
                key={known.id}
                bundle={live[at]?.doc ?? { ...known, orders: known.orders }}
                nameOf={nameOf}
              />
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function Row({ bundle, nameOf }: { bundle: BundleDocument; nameOf: (id: string) => string }) {
  const settle = useCommand("channels.settle_bundle");
  const blocked = useOffline() || settle.pending;
  const receipt = RECEIPTS[bundle.receipt];
  const say = (arrived: boolean): void => {
    if (blocked) return;
    const { supplier, id, orders } = bundle;
    void settle.send({ supplier, bundle: id, letters: orders, arrived });
  };
  return (
    <tr data-testid="bundle" data-state={bundle.state}>
      <th scope="row">
        {nameOf(bundle.supplier)}
        <span className="data-sub">
          {WAYS[bundle.kind as keyof typeof WAYS] ?? bundle.kind}, number {bundle.control}
        </span>
      </th>
      <td className="way-where">
        <Cued value={bundle.state}>
          <StateWord state={BUNDLE_STATES[bundle.state]} />
        </Cued>
        {receipt !== "" && (
          <span className={bundle.receipt === "accepted" ? "data-sub" : "data-sub warn"}>
            {receipt}
          </span>
        )}
        {bundle.trouble !== "" && <span className="data-sub warn">{bundle.trouble}</span>}
        {bundle.state === "doubtful" && (
          <span className="way-choices">
            <button
              type="button"
              className="button button-small"
              aria-disabled={blocked}
              onClick={() => say(true)}
            >
              It arrived
            </button>
            <button
              type="button"
              className="button button-small"
              aria-disabled={blocked}
              onClick={() => say(false)}
            >
              Send it again
            </button>
          </span>
        )}
        <span role="alert">{settle.error?.message}</span>
      </td>
      <td className="way-where">
        {bundle.orders.length === 1 ? bundle.orders[0] : `${bundle.orders.length} orders`}
      </td>
      <td>
        {momentText(bundle.left_at_ms ?? bundle.begun_at_ms)}
        {bundle.left_at_ms === null && bundle.tries > 0 && (
          <span className="data-sub">
            tried {bundle.tries} times, again {momentText(bundle.due_at_ms)}
          </span>
        )}
      </td>
    </tr>
  );
}
