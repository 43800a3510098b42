/** From where on a supplier's feeds are held: numbers in words, changed in place. */

import type { FeedLimitsDocument } from "@shopwire/client";
import { useCommand } from "@shopwire/client/react";
import { type FormEvent, useId, useState } from "react";
import { getJson } from "../shared/api.ts";
import { useRemote } from "../shared/remote.ts";
import { useOffline } from "../shared/useOffline.ts";

type Numbers = Omit<FeedLimitsDocument, "supplier">;

const LABELS: Readonly<Record<keyof Numbers, string>> = {
  zeroed_percent: "Articles that may lose all stock, %",
  price_moved_percent: "Costs that may move far, %",
  price_move_percent: "A far move of a cost, %",
  shrunk_percent: "Articles a full feed may leave out, %",
  skus_min: "No share below so many articles",
  price_factor: "A cost so many times off is a bad row",
};
const NAMES = Object.keys(LABELS) as (keyof Numbers)[];

export function LimitsPanel({ supplier }: { supplier: string }) {
  const { data } = useRemote(`/api/feed-limits/${encodeURIComponent(supplier)}`, (path, signal) =>
    getJson<FeedLimitsDocument>(path, signal),
  );
  if (data === null) return null;
  return (
    <details className="panel limits">
      <summary>When feeds of this supplier wait for a person</summary>
      <LimitsForm key={JSON.stringify(data)} limits={data} />
    </details>
  );
}

function LimitsForm({ limits }: { limits: FeedLimitsDocument }) {
  const command = useCommand("feeds.put_limits");
  const offline = useOffline();
  const [draft, setDraft] = useState(limits);
  const [saved, setSaved] = useState(false);
  const blocked = offline || command.pending;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (blocked) return;
    void command.send(draft).then(
      () => setSaved(true),
      () => setSaved(false),
    );
  };
  return (
    <form className="mend" onSubmit={submit}>
      <div className="mend-cells">
        {NAMES.map((name) => (
          <NumberField
            key={name}
            label={LABELS[name]}
            value={draft[name]}
            change={(value) => {
              setSaved(false);
              setDraft((was) => ({ ...was, [name]: value }));
            }}
          />
        ))}
      </div>
      <div className="run-actions">
        <button type="submit" className="button button-small" aria-disabled={blocked}>
          {command.pending ? "One moment…" : "Save"}
        </button>
        <span role="status">{saved && "Saved; it holds from the next feed on."}</span>
        <span role="alert">{command.error?.message}</span>
      </div>
    </form>
  );
}

interface NumberFieldProps {
  label: string;
  value: number;
  change: (value: number) => void;
}

function NumberField({ label, value, change }: NumberFieldProps) {
  const id = useId();
  return (
    <div className="mend-cell">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="number"
        min={0}
        step={1}
        inputMode="numeric"
        value={value}
        onChange={(event) => change(event.target.valueAsNumber || 0)}
      />
    </div>
  );
}
