/** Ways out: how purchase orders reach suppliers, what left, what came back and needs a person. */

import { useTopics } from "@shopwire/client/react";
import { useState } from "react";
import { Failed, Notice } from "../shared/Notice.tsx";
import { useTitle } from "../shared/router.tsx";
import { momentText } from "../shared/time.ts";
import { BundlesTable } from "./BundlesTable.tsx";
import {
  type Channel,
  type Channels,
  useBundles,
  useChannels,
  useInvoices,
  useUnread,
  WAYS,
} from "./channels.ts";
import { InvoicesTable } from "./InvoicesTable.tsx";
import { Scroll } from "./Scroll.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import { UnreadPanel } from "./UnreadPanel.tsx";
import { nameOf, useSuppliers } from "./useSuppliers.ts";
import { WayForm } from "./WayForm.tsx";
import "../styles/channels.css";

export function ChannelsPage() {
  useTitle("Ways out · Shopwire console");
  const channels = useChannels();
  const bundles = useBundles();
  const invoices = useInvoices();
  const unread = useUnread();
  const suppliers = useSuppliers().data;
  const [changing, setChanging] = useState(false);
  const name = (id: string): string => nameOf(id, suppliers);
  return (
    <>
      <div className="page-head">
        <h1>Ways out</h1>
        <p>How purchase orders reach suppliers, and what comes back by the same way.</p>
      </div>
      <UnreadPanel items={unread.data?.items ?? []} nameOf={name} onChange={unread.reload} />
      <section className="panel" aria-labelledby="ways">
        <div className="panel-head">
          <h2 id="ways">Ways</h2>
          <button
            type="button"
            className="button button-small"
            aria-expanded={changing}
            onClick={() => setChanging(!changing)}
          >
            {changing ? "Close" : "Change a way"}
          </button>
        </div>
        {changing && (
          <WayForm
            suppliers={suppliers ?? []}
            onDone={() => {
              setChanging(false);
              channels.reload();
            }}
          />
        )}
        {channels.error && channels.data === null ? (
          <Failed error={channels.error} retry={channels.reload} />
        ) : channels.data === null ? (
          <TableSkeleton rows={3} />
        ) : (
          <WaysTable data={channels.data} nameOf={name} />
        )}
      </section>
      <BundlesTable items={bundles.data?.items ?? []} nameOf={name} />
      <InvoicesTable items={invoices.data?.items ?? []} nameOf={name} />
    </>
  );
}

function WaysTable({ data, nameOf }: { data: Channels; nameOf: (id: string) => string }) {
  const live = useTopics(data.items.map(({ supplier }) => `channel:${supplier}` as const));
  const trouble = (one: Channel, at: number): string =>
    live[at]?.doc?.inbox_trouble ?? one.inbox_trouble;
  if (data.items.length === 0 && data.unreachable.length === 0) {
    return (
      <Notice title="Every supplier comes for its orders" icon="truck">
        Until you say how one is reached, its orders wait for it at the portal.
      </Notice>
    );
  }
  return (
    <Scroll label="Ways">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">Supplier</th>
            <th scope="col">Way</th>
            <th scope="col" className="number">
              Waiting
            </th>
            <th scope="col">Last left</th>
          </tr>
        </thead>
        <tbody>
          {data.items.map((one, at) => (
            <tr key={one.supplier} data-testid="way">
              <th scope="row">{nameOf(one.supplier)}</th>
              <td className="way-where">
                {WAYS[one.way.type]}
                <span className="data-sub">
                  {one.way.url ?? one.way.place ?? one.way.to?.join(", ") ?? ""}
                </span>
                {trouble(one, at) !== "" && (
                  <span className="data-sub warn">no answers come: {trouble(one, at)}</span>
                )}
              </td>
              <td className="number">
                {one.waiting}
                {one.troubled > 0 && (
                  <span className="data-sub warn">{one.troubled} in trouble</span>
                )}
              </td>
              <td>{one.left_at_ms === null ? "never" : momentText(one.left_at_ms)}</td>
            </tr>
          ))}
          {data.unreachable.map((one) => (
            <tr key={one.supplier} data-testid="way">
              <th scope="row">{nameOf(one.supplier)}</th>
              <td>None of its own: as the shop does it</td>
              <td className="number">{one.orders}</td>
              <td>–</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
