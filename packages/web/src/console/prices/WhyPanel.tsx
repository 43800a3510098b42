/** Why an article's price is what it is: from the cost, step by step. */

import { useTopic } from "@shopwire/client/react";
import { type FormEvent, useEffect, useState } from "react";
import { getJson } from "../../shared/api.ts";
import { formatMoney } from "../../shared/money.ts";
import { useRemote } from "../../shared/remote.ts";
import { Cell } from "./Cell.tsx";
import type { Why } from "./types.ts";
import { stepText } from "./words.ts";

export function WhyPanel() {
  const [typed, setTyped] = useState("");
  const [sku, setSku] = useState<string | null>(null);
  const ask = (event: FormEvent): void => {
    event.preventDefault();
    setSku(typed.trim() || null);
  };
  return (
    <section className="panel" aria-labelledby="why">
      <div className="panel-head">
        <h2 id="why">Why this price?</h2>
      </div>
      <form className="price-form" onSubmit={ask}>
        <div className="price-ask">
          <Cell label="SKU" value={typed} change={setTyped} wide />
          <button type="submit" className="button button-small">
            Explain
          </button>
        </div>
      </form>
      {sku !== null && <Steps sku={sku} />}
    </section>
  );
}

function Steps({ sku }: { sku: string }) {
  const { data, error, reload } = useRemote(
    `/api/prices/${encodeURIComponent(sku)}/why`,
    (path, signal) => getJson<Why>(path, signal),
  );
  const moved = useTopic(`price:${sku}`)?.v ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another price has other reasons.
  useEffect(() => reload(), [moved]);
  if (error && data === null) {
    return (
      <p className="panel-note" role="alert">
        {error.status === 404 ? `Nobody has ever offered ${sku}.` : error.message}
      </p>
    );
  }
  if (data === null) return null;
  return (
    <div data-testid="price-why">
      <ol className="price-steps">
        {data.steps.map((step) => (
          <li key={step.kind} data-held={step.held || undefined}>
            {stepText(step, data.currency)}
          </li>
        ))}
      </ol>
      <p className="panel-note">
        {data.amount_minor === null
          ? `No price: ${data.reason}.`
          : `${formatMoney(data.amount_minor, data.currency)}, of which ${formatMoney(
              data.margin_minor ?? 0,
              data.currency,
            )} is left.`}
      </p>
    </div>
  );
}
