/** Suppliers' bills beside what was ordered: one that differs waits for a person. */

import type { InvoiceDocument } from "@shopwire/client";
import { useCommand, useTopics } from "@shopwire/client/react";
import { Cued } from "../shared/cue.tsx";
import { formatMoney } from "../shared/money.ts";
import { momentText } from "../shared/time.ts";
import { useOffline } from "../shared/useOffline.ts";
import { differenceText, INVOICE_STATES } from "./channels.ts";
import { Scroll } from "./Scroll.tsx";
import { StateWord } from "./StateWord.tsx";

interface InvoicesTableProps {
  items: readonly InvoiceDocument[];
  nameOf: (supplier: string) => string;
}

export function InvoicesTable({ items, nameOf }: InvoicesTableProps) {
  const live = useTopics(items.map(({ id }) => `invoice:${id}` as const));
  if (items.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="invoices">
      <div className="panel-head">
        <h2 id="invoices">Bills</h2>
      </div>
      <Scroll label="Bills">
        <table className="data">
          <thead>
            <tr>
              <th scope="col">Bill</th>
              <th scope="col">State</th>
              <th scope="col" className="number">
                Billed
              </th>
              <th scope="col" className="number">
                Expected
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((known, at) => (
              <Row key={known.id} bill={live[at]?.doc ?? known} nameOf={nameOf} />
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function Row({ bill, nameOf }: { bill: InvoiceDocument; nameOf: (id: string) => string }) {
  const settle = useCommand("channels.settle_invoice");
  const blocked = useOffline() || settle.pending;
  const decide = (outcome: "accepted" | "disputed"): void => {
    if (blocked) return;
    const { supplier, number, purchase_order } = bill;
    void settle.send({ supplier, number, purchase_order, outcome });
  };
  const open = bill.state === "differs" || bill.state === "disputed";
  return (
    <tr data-testid="invoice" data-state={bill.state}>
      <th scope="row">
        {bill.number}
        <span className="data-sub">
          {nameOf(bill.supplier)}, {momentText(bill.received_at_ms)}
        </span>
      </th>
      <td className="way-where">
        <Cued value={bill.state}>
          <StateWord state={INVOICE_STATES[bill.state]} />
        </Cued>
        {bill.differences.map((one) => (
          <span className="data-sub" key={`${one.what} ${one.sku}`}>
            {differenceText(one, bill.currency)}
          </span>
        ))}
        {open && (
          <span className="way-choices">
            <button
              type="button"
              className="button button-small"
              aria-disabled={blocked}
              onClick={() => decide("accepted")}
            >
              Accept
            </button>
            {bill.state === "differs" && (
              <button
                type="button"
                className="button button-small"
                aria-disabled={blocked}
                onClick={() => decide("disputed")}
              >
                Dispute
              </button>
            )}
          </span>
        )}
        <span role="alert">{settle.error?.message}</span>
      </td>
      <td className="number">{formatMoney(bill.total_minor, bill.currency)}</td>
      <td className="number">
        {bill.expected_minor === null ? "–" : formatMoney(bill.expected_minor, bill.currency)}
      </td>
    </tr>
  );
}
