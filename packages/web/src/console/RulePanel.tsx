/** What the shop sells of a supplier whose data is stale: a rule in words, changed in place. */

import type { SupplyRule } from "@shopwire/client";
import { useCommand } from "@shopwire/client/react";
import { type FormEvent, useId, useState } from "react";
import { useOffline } from "../shared/useOffline.ts";
import { cautionText, type SupplyRow } from "./useSources.ts";

const CHOICES: readonly { value: SupplyRule["when_stale"]; label: string; note: string }[] = [
  { value: "sell_on", label: "Sell on", note: "The last count is taken to hold." },
  {
    value: "growing_buffer",
    label: "Keep more back every hour",
    note: "The older the count, the fewer units are offered.",
  },
  { value: "pause", label: "Offer nothing", note: "Until fresh data is here." },
];

export function RulePanel({ supply }: { supply: SupplyRow }) {
  const caution = cautionText(supply);
  return (
    <section className="panel" aria-labelledby="rule">
      <div className="panel-head">
        <h2 id="rule">While its data is stale</h2>
        <span data-testid="caution">{caution === "" ? "everything is offered now" : caution}</span>
      </div>
      <RuleForm key={JSON.stringify(supply.rule)} supplier={supply.supplier} rule={supply.rule} />
    </section>
  );
}

function RuleForm({ supplier, rule }: { supplier: string; rule: SupplyRule }) {
  const command = useCommand("sources.put_rule");
  const offline = useOffline();
  const [draft, setDraft] = useState(rule);
  const [saved, setSaved] = useState(false);
  const change = (part: Partial<SupplyRule>): void => {
    setSaved(false);
    setDraft((was) => ({ ...was, ...part }));
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (offline || command.pending) return;
    void command.send({ supplier, ...draft }).then((done) => setSaved(done !== null));
  };
  return (
    <form className="rule-form" onSubmit={submit}>
      <fieldset>
        <legend className="visually-hidden">What the shop sells</legend>
        {CHOICES.map(({ value, label, note }) => (
          <label key={value} className="rule-choice">
            <input
              type="radio"
              name="when_stale"
              value={value}
              checked={draft.when_stale === value}
              onChange={() => change({ when_stale: value })}
            />
            <span>
              {label}
              <span className="data-sub">{note}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {draft.when_stale === "growing_buffer" && (
        <div className="rule-numbers">
          <Field
            label="Units an hour"
            value={draft.units_per_hour}
            onChange={(units) => change({ units_per_hour: units ?? 0 })}
          />
          <Field
            label="At most, in units (0: no end)"
            value={draft.units_max}
            onChange={(units) => change({ units_max: units ?? 0 })}
          />
          <Field
            label="Percent an hour"
            value={draft.share_bp_per_hour / 100}
            max={100}
            step={0.01}
            onChange={(share) => change({ share_bp_per_hour: Math.round((share ?? 0) * 100) })}
          />
          <Field
            label="At most, in percent"
            value={draft.share_bp_max / 100}
            max={100}
            step={0.01}
            onChange={(share) => change({ share_bp_max: Math.round((share ?? 0) * 100) })}
          />
        </div>
      )}
      <div className="rule-numbers">
        <Field
          label="Late after, in minutes"
          value={draft.late_after_minutes}
          placeholder="by its schedule"
          min={1}
          onChange={(minutes) => change({ late_after_minutes: minutes })}
        />
        <Field
          label="Stale after, in minutes"
          value={draft.stale_after_minutes}
          placeholder="by its schedule"
          min={1}
          onChange={(minutes) => change({ stale_after_minutes: minutes })}
        />
      </div>
      <p className="rule-done">
        <button type="submit" className="button" aria-disabled={offline || command.pending}>
          {command.pending ? "One moment…" : "Keep this rule"}
        </button>
        <span role="status">{saved && !command.pending ? "Kept." : ""}</span>
      </p>
      <div role="alert" className="refused">
        {command.error?.message}
      </div>
    </form>
  );
}

interface FieldProps {
  label: string;
  value: number | null;
  onChange: (value: number | null) => void;
  placeholder?: string;
  min?: number;
  max?: number;
  step?: number;
}

function Field({ label, value, onChange, min = 0, ...rest }: FieldProps) {
  const id = useId();
  return (
    <div className="rule-field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="number"
        inputMode="decimal"
        min={min}
        value={value ?? ""}
        onChange={(event) => {
          const text = event.target.value;
          onChange(text === "" ? null : Number(text));
        }}
        {...rest}
      />
    </div>
  );
}
