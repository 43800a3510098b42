/** Promotions: what is cheaper, from when to when, for how many units. */

import type { ShopwireError } from "@shopwire/client";
import { useCommand } from "@shopwire/client/react";
import { type FormEvent, useEffect, useId, useState } from "react";
import { getJson } from "../../shared/api.ts";
import { exponentOf } from "../../shared/money.ts";
import { Failed } from "../../shared/Notice.tsx";
import { useRemote } from "../../shared/remote.ts";
import { useNow } from "../../shared/time.ts";
import { useOffline } from "../../shared/useOffline.ts";
import { Scroll } from "../Scroll.tsx";
import { TableSkeleton } from "../TableSkeleton.tsx";
import { Cell } from "./Cell.tsx";
import {
  bodyOf,
  EMPTY_PROMOTION,
  type PromotionDraft,
  type PromotionFault,
} from "./promotionDraft.ts";
import type { Promotion } from "./types.ts";
import { offText, type PromotionState, spanText, stateOf } from "./words.ts";

const NOW_MS = 1_000;
const AGAIN_MS = 5_000;
const TONES: Readonly<Record<PromotionState, string>> = {
  "on its way": "going",
  planned: "waits",
  running: "good",
  over: "over",
};

export function PromotionsPanel({ currency }: { currency: string }) {
  const { data, error, reload } = useRemote("/api/promotions", (path, signal) =>
    getJson<{ items: readonly Promotion[] }>(path, signal),
  );
  const now = useNow(NOW_MS);
  useEffect(() => {
    // What is sold at a promotion's price is in no document of its own.
    const timer = setInterval(reload, AGAIN_MS);
    return () => clearInterval(timer);
  }, [reload]);
  return (
    <section className="panel" aria-labelledby="promotions">
      <div className="panel-head">
        <h2 id="promotions">Promotions</h2>
      </div>
      {error && data === null ? (
        <Failed error={error} retry={reload} />
      ) : data === null ? (
        <TableSkeleton rows={2} />
      ) : data.items.length === 0 ? (
        <p className="panel-note">None yet. A promotion never goes below a floor of the rules.</p>
      ) : (
        <Scroll label="Promotions">
          <table className="data">
            <thead>
              <tr>
                <th scope="col">Promotion</th>
                <th scope="col">State</th>
                <th scope="col">For</th>
                <th scope="col">When</th>
                <th scope="col" className="number">
                  Sold of quota
                </th>
                <th scope="col">
                  <span className="visually-hidden">What to do</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((one) => (
                <PromotionRow key={one.id} one={one} now={now} changed={reload} />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      <NewPromotion currency={currency} changed={reload} />
    </section>
  );
}

interface RowProps {
  one: Promotion;
  now: number;
  changed: () => void;
}

function PromotionRow({ one, now, changed }: RowProps) {
  const command = useCommand("pricing.end_promotion");
  const offline = useOffline();
  const state = stateOf(one, now);
  const blocked = offline || command.pending;
  const end = async (): Promise<void> => {
    if (blocked) return;
    if ((await command.send({ id: one.id })) !== null) changed();
  };
  const units = one.skus_count ?? one.skus_named;
  return (
    <tr data-testid="promotion" data-state={state}>
      <th scope="row">
        {one.name}
        <span className="data-sub">{one.id}</span>
      </th>
      <td>
        <span className="state" data-tone={TONES[state]}>
          {state}
        </span>
        {one.sold_out > 0 && <span className="data-sub warn">{one.sold_out} sold out</span>}
      </td>
      <td>
        {offText(one)}
        <span className="data-sub">
          {one.category === null ? "" : `${one.category}, `}
          {units === 1 ? "1 article" : `${units} articles`}
        </span>
      </td>
      <td>{spanText(one)}</td>
      <td className="number">
        {one.taken ?? 0}
        {one.quota !== null && <span className="data-sub">of {one.quota} of each</span>}
      </td>
      <td>
        {state !== "over" && (
          <button
            type="button"
            className="button button-small"
            aria-disabled={blocked}
            aria-label={`End ${one.name} now`}
            onClick={() => void end()}
          >
            {command.pending ? "One moment…" : "End now"}
          </button>
        )}
        <span role="alert">{command.error?.message}</span>
      </td>
    </tr>
  );
}

function NewPromotion({ currency, changed }: { currency: string; changed: () => void }) {
  const command = useCommand("pricing.put_promotion");
  const offline = useOffline();
  const [draft, setDraft] = useState(EMPTY_PROMOTION);
  const [fault, setFault] = useState<PromotionFault | null>(null);
  const kind = useId();
  const blocked = offline || command.pending;
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const body = bodyOf(draft, currency, exponentOf(currency), Date.now());
    if ("cell" in body) {
      setFault(body);
      return;
    }
    setFault(null);
    if (blocked || (await command.send(body)) === null) return;
    setDraft(EMPTY_PROMOTION);
    changed();
  };
  const cell = (
    name: Exclude<keyof PromotionDraft, "kind">,
    label: string,
    hint: string,
    more: { type?: "datetime-local"; inputMode?: "decimal" | "numeric"; wide?: boolean } = {},
  ) => (
    <Cell
      label={label}
      hint={hint}
      value={draft[name]}
      fault={fault?.cell === name ? fault.message : undefined}
      change={(value) => setDraft((was) => ({ ...was, [name]: value }))}
      {...more}
    />
  );
  return (
    <details className="price-new">
      <summary>Plan a promotion</summary>
      <form className="price-form" onSubmit={(event) => void submit(event)}>
        <div className="price-row">
          {cell("name", "Name", "Lunch hour", { wide: true })}
          {cell("skus", "SKUs", "A-1, A-2", { wide: true })}
          {cell("category", "or a category", "lamps", { wide: true })}
          <div className="price-cell">
            <label htmlFor={kind}>Price</label>
            <select
              id={kind}
              value={draft.kind}
              onChange={(event) =>
                setDraft((was) => ({
                  ...was,
                  kind: event.target.value as PromotionDraft["kind"],
                }))
              }
            >
              <option value="percent">percent off</option>
              <option value="amount">amount off</option>
              <option value="fixed">this price</option>
            </select>
          </div>
          {cell("value", draft.kind === "percent" ? "Percent" : `Amount, ${currency}`, "25", {
            inputMode: "decimal",
          })}
          {cell("starts", "Begins", "", { type: "datetime-local", wide: true })}
          {cell("ends", "Ends", "", { type: "datetime-local", wide: true })}
          {cell("quota", "Units of each", "no limit", { inputMode: "numeric" })}
        </div>
        <p className="price-actions">
          <button type="submit" className="button" aria-disabled={blocked}>
            {command.pending ? "One moment…" : "Plan it"}
          </button>
        </p>
        <div role="alert" className="price-fault">
          {fault ? "One cell needs another look." : saidOf(command.error)}
        </div>
      </form>
    </details>
  );
}

function saidOf(error: Error | ShopwireError | null): string {
  return error?.message ?? "";
}
