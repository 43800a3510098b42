/** A supplier's orders: those with something to do, and those that are over. */

import { useTopics } from "@shopwire/client/react";
import { useEffect, useState } from "react";
import { Announce } from "../shared/cue.tsx";
import { Failed, Notice } from "../shared/Notice.tsx";
import { useTitle } from "../shared/router.tsx";
import { OrderCard } from "./OrderCard.tsx";
import { type Listed, usePortalOrders } from "./orders.ts";

type Which = "open" | "done";

const TITLES: Readonly<Record<Which, string>> = { open: "To do", done: "Over" };

export function Orders() {
  const [which, setWhich] = useState<Which>("open");
  const list = usePortalOrders(which);
  const count = list.items?.length ?? 0;
  useTitle(`${count > 0 && which === "open" ? `(${count}) ` : ""}Purchase orders`);
  return (
    <>
      <div className="page-head">
        <h1>Purchase orders</h1>
        <fieldset className="portal-which">
          <legend className="visually-hidden">Which orders</legend>
          {(["open", "done"] as const).map((one) => (
            <button
              key={one}
              type="button"
              className="button button-small"
              aria-pressed={which === one}
              onClick={() => setWhich(one)}
            >
              {TITLES[one]}
            </button>
          ))}
        </fieldset>
      </div>
      {which === "open" && list.items !== null && <Announce text={countText(count)} />}
      {list.error !== null && list.items === null ? (
        <Failed error={list.error} retry={list.reload} />
      ) : list.items === null ? (
        <p className="soft">One moment…</p>
      ) : (
        <Shown items={list.items} which={which} onMoved={list.reload} />
      )}
      {list.next !== null && <p className="soft">Older ones follow when these are done.</p>}
    </>
  );
}

export function countText(count: number): string {
  if (count === 0) return "There is nothing to do.";
  return count === 1 ? "One order needs you." : `${count} orders need you.`;
}

interface ShownProps {
  items: readonly Listed[];
  which: Which;
  onMoved: () => void;
}

function Shown({ items, which, onMoved }: ShownProps) {
  const live = useTopics(items.map(({ topic }) => topic as `purchase_order:${string}`));
  const states = live.map((one) => one?.doc?.status ?? "").join(" ");
  // Whatever moved may be over, or needs no address any more: the list is read again.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the states stand for what moved.
  useEffect(() => onMoved(), [states, onMoved]);
  if (items.length === 0) {
    return (
      <section className="panel" aria-label="Purchase orders">
        <Notice title={which === "open" ? "Nothing to do" : "Nothing is over yet"} icon="check">
          {which === "open"
            ? "New orders appear here by themselves; leave this page open."
            : "Orders that were shipped, refused or cancelled will stand here."}
        </Notice>
      </section>
    );
  }
  return (
    <ul className="portal-orders">
      {items.map((known, at) => (
        <OrderCard key={known.topic} known={known} order={live[at]?.doc ?? known.doc} />
      ))}
    </ul>
  );
}
