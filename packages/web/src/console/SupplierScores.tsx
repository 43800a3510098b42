/** Each supplier's score with the numbers that it follows from, and what sending with it costs. */

import type { ScoreDocument, TermsDocument } from "@shopwire/client";
import { useCommand, useTopics } from "@shopwire/client/react";
import { type FormEvent, useId, useState } from "react";
import { Cued } from "../shared/cue.tsx";
import { decimalOf, exponentOf, formatMoney } from "../shared/money.ts";
import { Notice } from "../shared/Notice.tsx";
import { useOffline } from "../shared/useOffline.ts";
import type { Scored, Scores } from "./RoutingPage.tsx";
import { durationText } from "./routing.ts";
import { minorOf } from "./routingForm.ts";
import { Scroll } from "./Scroll.tsx";

export function SupplierScores({ scores }: { scores: Scores }) {
  const live = useTopics(scores.items.map(({ id }) => `score:${id}` as const));
  const terms = useTopics(scores.items.map(({ id }) => `terms:${id}` as const));
  if (scores.items.length === 0) {
    return (
      <Notice title="No supplier yet" icon="people">
        The first import of a supplier's file makes it known.
      </Notice>
    );
  }
  return (
    <Scroll label="Scores">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">Supplier</th>
            <th scope="col">Score</th>
            <th scope="col">Answers</th>
            <th scope="col">Parcels</th>
            <th scope="col">Units</th>
            <th scope="col">Counts</th>
            <th scope="col">Shipping</th>
          </tr>
        </thead>
        <tbody>
          {scores.items.map((known, at) => (
            <Row
              key={known.id}
              supplier={{
                ...known,
                score: live[at]?.doc ?? known.score,
                terms: terms[at]?.doc ?? known.terms,
              }}
              unknown={scores.unknown}
            />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Row({ supplier, unknown }: { supplier: Scored; unknown: number }) {
  const { id, name, score, terms } = supplier;
  const shown = score?.score ?? unknown;
  return (
    <tr data-testid="score-row" data-supplier={id}>
      <th scope="row">
        {name}
        <span className="data-sub">{id}</span>
      </th>
      <td>
        <Cued value={shown}>
          <strong>{shown}</strong>
        </Cued>
        <span className="score-bar" aria-hidden="true">
          <span style={{ inlineSize: `${shown / 10}%` }} />
        </span>
        {score === null && <span className="data-sub">nothing known yet</span>}
      </td>
      {score === null ? <td colSpan={4} /> : <Numbers score={score} />}
      <td>
        <Terms supplier={id} terms={terms} />
      </td>
    </tr>
  );
}

function Numbers({ score }: { score: ScoreDocument }) {
  return (
    <>
      <td>
        {percentText(score.acknowledged)} in time
        <span className="data-sub">
          {score.answers} lately, {durationText(score.answer_ms)} on average
        </span>
      </td>
      <td>
        {percentText(score.shipped)} in time
        <span className="data-sub">
          {score.parcels} lately, {durationText(score.parcel_ms)} on average
        </span>
      </td>
      <td>
        {percentText(score.accepted)} accepted, {percentText(score.kept)} kept
        <span className="data-sub">
          {score.refused} of {score.units} refused, {score.withdrawn} withdrawn
        </span>
      </td>
      <td>
        {percentText(score.honest)} were there
        <span className="data-sub">
          {score.short} of {score.sold} sold were not
        </span>
      </td>
    </>
  );
}

function percentText(share: number): string {
  return `${(share / 10).toFixed(0)} %`;
}

function Terms({ supplier, terms }: { supplier: string; terms: TermsDocument | null }) {
  const [open, setOpen] = useState(false);
  if (open) return <TermsForm supplier={supplier} terms={terms} done={() => setOpen(false)} />;
  return (
    <>
      {terms === null ? (
        <span className="soft">as the rules say</span>
      ) : (
        <>
          {formatMoney(terms.parcel_minor, terms.currency)}, then{" "}
          {formatMoney(terms.unit_minor, terms.currency)}
          <span className="data-sub">
            {terms.countries.length > 0 ? `to ${terms.countries.join(", ")}` : "everywhere"}
            {terms.handling_minor > 0 &&
              `, handling ${formatMoney(terms.handling_minor, terms.currency)}`}
          </span>
        </>
      )}{" "}
      <button
        type="button"
        className="button button-small"
        aria-label={`Change the shipping of ${supplier}`}
        onClick={() => setOpen(true)}
      >
        Change
      </button>
    </>
  );
}

interface FormProps {
  supplier: string;
  terms: TermsDocument | null;
  done: () => void;
}

function TermsForm({ supplier, terms, done }: FormProps) {
  const command = useCommand("routing.put_terms");
  const offline = useOffline();
  const [currency, setCurrency] = useState(terms?.currency ?? "EUR");
  const decimal = (minor: number): string => decimalOf(minor, exponentOf(currency));
  const [parcel, setParcel] = useState(decimal(terms?.parcel_minor ?? 0));
  const [unit, setUnit] = useState(decimal(terms?.unit_minor ?? 0));
  const [handling, setHandling] = useState(decimal(terms?.handling_minor ?? 0));
  const [countries, setCountries] = useState(terms?.countries.join(" ") ?? "");
  const [fault, setFault] = useState("");
  const blocked = offline || command.pending;
  const save = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (blocked) return;
    const exponent = exponentOf(currency);
    const [first, next, fee] = [parcel, unit, handling].map((text) => minorOf(text, exponent));
    if (first == null || next == null || fee == null) {
      setFault("Amounts are numbers such as 4.95.");
      return;
    }
    setFault("");
    const done_ = await command.send({
      supplier,
      currency,
      parcel_minor: first,
      unit_minor: next,
      handling_minor: fee,
      countries: countries
        .toUpperCase()
        .split(/[\s,]+/)
        .filter(Boolean),
    });
    if (done_ !== null) done();
  };
  return (
    <form className="route-form" onSubmit={(event) => void save(event)}>
      <Field
        label="Currency"
        value={currency}
        onChange={(text) => setCurrency(text.toUpperCase())}
      />
      <Field label="First unit" value={parcel} onChange={setParcel} />
      <Field label="Each further unit" value={unit} onChange={setUnit} />
      <Field label="Handling of an order" value={handling} onChange={setHandling} />
      <Field label="Countries, empty for all" value={countries} onChange={setCountries} />
      <div className="conflict-choices">
        <button type="submit" className="button button-small" aria-disabled={blocked}>
          Save
        </button>
        <button type="button" className="button button-small" onClick={done}>
          Leave it
        </button>
      </div>
      <div role="alert" className="conflict-refused">
        {fault || command.error?.message}
      </div>
    </form>
  );
}

interface FieldProps {
  label: string;
  value: string;
  onChange: (text: string) => void;
  hint?: string;
  inputMode?: "decimal" | "numeric" | "text";
}

export function Field({ label, value, onChange, hint, inputMode = "text" }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>
        {label} {hint && <span className="soft">{hint}</span>}
      </label>
      <input
        id={id}
        value={value}
        inputMode={inputMode}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
      />
    </div>
  );
}
