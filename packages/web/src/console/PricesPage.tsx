/** Prices: the rules, what other rules would do, promotions, rates, and why a price is. */

import { useTopic } from "@shopwire/client/react";
import { useEffect } from "react";
import { getJson } from "../shared/api.ts";
import { Failed } from "../shared/Notice.tsx";
import { useRemote } from "../shared/remote.ts";
import { useTitle } from "../shared/router.tsx";
import { momentText } from "../shared/time.ts";
import { PromotionsPanel } from "./prices/PromotionsPanel.tsx";
import { RatesPanel } from "./prices/RatesPanel.tsx";
import { RulesPanel } from "./prices/RulesPanel.tsx";
import type { RulesRead, Version } from "./prices/types.ts";
import { WhyPanel } from "./prices/WhyPanel.tsx";
import { Scroll } from "./Scroll.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import "../styles/prices.css";

export function PricesPage() {
  useTitle("Prices · Shopwire console");
  const { data, error, reload } = useRemote("/api/price-rules", (path, signal) =>
    getJson<RulesRead>(path, signal),
  );
  const currency = data?.rules.currency ?? "EUR";
  return (
    <>
      <div className="page-head">
        <h1>Prices</h1>
        <p>
          Every price follows from its cheapest offer and these rules; no rule and no promotion goes
          below a floor.
        </p>
      </div>
      <div className="stack">
        {error && data === null ? (
          <Failed error={error} retry={reload} />
        ) : data === null ? (
          <TableSkeleton rows={6} />
        ) : (
          <RulesPanel key={data.version} read={data} changed={reload} />
        )}
        <PromotionsPanel currency={currency} />
        <WhyPanel />
        <RatesPanel currency={currency} />
        <HistoryPanel version={data?.version ?? 0} />
      </div>
    </>
  );
}

function HistoryPanel({ version }: { version: number }) {
  const { data, error, reload } = useRemote("/api/price-rules/history", (path, signal) =>
    getJson<{ items: readonly Version[] }>(path, signal),
  );
  const live = useTopic("rules:default")?.v ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: there is another version.
  useEffect(() => reload(), [version, live]);
  return (
    <section className="panel" aria-labelledby="history">
      <div className="panel-head">
        <h2 id="history">What held before</h2>
      </div>
      {error && data === null ? (
        <Failed error={error} retry={reload} />
      ) : data === null ? (
        <TableSkeleton rows={2} />
      ) : data.items.length === 0 ? (
        <p className="panel-note">The rules are as shipped.</p>
      ) : (
        <Scroll label="Versions of the rules">
          <table className="data">
            <thead>
              <tr>
                <th scope="col">Version</th>
                <th scope="col">When</th>
                <th scope="col">Who</th>
                <th scope="col">What</th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((one) => (
                <tr key={one.version}>
                  <th scope="row">{one.version}</th>
                  <td>{momentText(one.at_ms)}</td>
                  <td>{one.by || "not known"}</td>
                  <td>{whatText(one)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

function whatText({ returns_to, rules }: Version): string {
  if (returns_to !== null) return `back to version ${returns_to}`;
  return rules.rules.length === 1 ? "1 rule" : `${rules.rules.length} rules`;
}
