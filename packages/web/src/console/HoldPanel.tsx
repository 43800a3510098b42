/** A held feed: why it waits, what it would do, and the two ways on. */

import type { ImportHold } from "@shopwire/client";
import { getJson, withParams } from "../shared/api.ts";
import type { ImportRun } from "../shared/documents.ts";
import { Icon } from "../shared/icons.tsx";
import { formatMoney } from "../shared/money.ts";
import { useRemote } from "../shared/remote.ts";
import { Link } from "../shared/router.tsx";
import { ageText, agoText, momentText, useNow } from "../shared/time.ts";
import { useOffline } from "../shared/useOffline.ts";
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
  const offline = useOffline();
  const blocked = offline || decision.pending;
  const now = useNow(60_000);
  const newer = useNewer(run);
  const decide = (what: "approve" | "reject"): void => {
    if (blocked || (what === "approve" && !hold.kept)) return;
    void decision.send(importPath(run.id, `/${what}`)).then((done) => done !== null && decided());
  };
  return (
    <section className="panel" aria-labelledby="hold" data-testid="hold">
      <div className="panel-head">
        <h2 id="hold">It waits for you</h2>
        <span data-testid="waits">
          since {momentText(run.started_at_ms)} ({ageText(Math.max(0, now - run.started_at_ms))});
          nothing of it is in the shop
        </span>
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
      {newer !== undefined && (
        <p className="banner banner-warm" role="status">
          <Icon name="alert" />
          <span>
            A newer import of this supplier took effect{" "}
            <Link href={`/console/imports/${encodeURIComponent(newer.id)}`}>
              {agoText(Math.max(0, now - newer.started_at_ms))}
            </Link>
            : taking this one in puts what it says over that.
          </span>
        </p>
      )}
      <p className="panel-note">
        It waits until you decide. The next feed of this source takes its place, if it is full or
        has as many rows; a smaller one leaves it here.
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

/** The newest import of the supplier that took effect after this one came. */
function useNewer(run: ImportRun): ImportRun | undefined {
  const path = withParams("/api/imports", { supplier: run.supplier, limit: 50 });
  const runs = useRemote(path, (at, signal) =>
    getJson<{ items: readonly ImportRun[] }>(at, signal).then(({ items }) => items),
  ).data;
  return runs?.find(
    ({ started_at_ms, changed, status }) =>
      started_at_ms > run.started_at_ms && changed > 0 && status !== "held",
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
