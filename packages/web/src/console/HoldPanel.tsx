/** A held feed: why it waits, what it would do, and the two ways on. */

import type { ImportHold } from "@shopwire/client";
import { useStatus } from "@shopwire/client/react";
import type { ImportRun } from "../shared/documents.ts";
import { formatMoney } from "../shared/money.ts";
import { importPath, useDecision } from "./decisions.ts";
import { Scroll } from "./Scroll.tsx";

const RULES: Readonly<Record<ImportHold["reasons"][number]["rule"], string>> = {
  zeroed: "articles in stock would have none left",
  price_moved: "costs would move far",
  shrunk: "articles are not in this full feed",
};

export function reasonText({ rule, count, of }: ImportHold["reasons"][number]): string {
  return `${count.toLocaleString()} of ${of.toLocaleString()} ${RULES[rule]}`;
}

interface HoldPanelProps {
  run: ImportRun;
  hold: ImportHold;
  decided: () => void;
}

export function HoldPanel({ run, hold, decided }: HoldPanelProps) {
  const decision = useDecision<unknown>();
  const offline = useStatus().status === "offline";
  const blocked = offline || decision.pending;
  const decide = (what: "approve" | "reject"): void => {
    if (blocked || (what === "approve" && !hold.kept)) return;
    void decision.send(importPath(run.id, `/${what}`)).then((done) => done !== null && decided());
  };
  return (
    <section className="panel" aria-labelledby="hold" data-testid="hold">
      <div className="panel-head">
        <h2 id="hold">It waits for you</h2>
        <span>nothing of it is in the shop</span>
      </div>
      <ul className="hold-reasons">
        {hold.reasons.map((reason) => (
          <li key={reason.rule}>
            <strong>{reasonText(reason)}.</strong> Up to {reason.limit_percent} % goes through.
          </li>
        ))}
      </ul>
      <Examples hold={hold} />
      <p className="panel-note">
        In all it would change {hold.products.toLocaleString()} products,{" "}
        {hold.offers.toLocaleString()} offers and {hold.counts.toLocaleString()} counts
        {hold.discontinued > 0 && `, and end ${hold.discontinued.toLocaleString()} articles`}.
        {!hold.kept && " It is too large to be kept here: send it again to take it."}
      </p>
      <div className="run-actions">
        <button
          type="button"
          className="button button-main"
          data-testid="approve"
          aria-disabled={blocked || !hold.kept}
          onClick={() => decide("approve")}
        >
          {decision.pending ? "One moment…" : "Take it in"}
        </button>
        <button
          type="button"
          className="button"
          data-testid="reject"
          aria-disabled={blocked}
          onClick={() => decide("reject")}
        >
          Turn it down
        </button>
        <span role="alert">{decision.error?.body.message}</span>
      </div>
    </section>
  );
}

function Examples({ hold }: { hold: ImportHold }) {
  if (hold.examples.length === 0) return null;
  return (
    <Scroll label="What it would do">
      <table className="data">
        <caption className="visually-hidden">The articles that it would change the most</caption>
        <thead>
          <tr>
            <th scope="col">Article</th>
            <th scope="col">What</th>
            <th scope="col" className="number">
              Now
            </th>
            <th scope="col" className="number">
              Would be
            </th>
          </tr>
        </thead>
        <tbody>
          {hold.examples.map(({ sku, field, before, now, currency }) => (
            <tr key={`${sku} ${field}`}>
              <th scope="row">{sku}</th>
              <td>{field === "cost" ? "Cost" : field === "stock" ? "Stock" : "Not named"}</td>
              <td className="number">{amountText(before, currency)}</td>
              <td className="number" data-bad>
                {amountText(now, currency)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function amountText(value: number, currency: string): string {
  return currency === "" ? value.toLocaleString() : formatMoney(value, currency);
}
