/** Exchange rates: what costs in other currencies are worth, from which moment on. */

import { useCommand, useTopic } from "@shopwire/client/react";
import { type FormEvent, useEffect, useState } from "react";
import { getJson } from "../../shared/api.ts";
import { Failed } from "../../shared/Notice.tsx";
import { useRemote } from "../../shared/remote.ts";
import { momentText } from "../../shared/time.ts";
import { useOffline } from "../../shared/useOffline.ts";
import { Scroll } from "../Scroll.tsx";
import { TableSkeleton } from "../TableSkeleton.tsx";
import { Cell } from "./Cell.tsx";
import type { Rate, RatesRead } from "./types.ts";

export function RatesPanel({ currency }: { currency: string }) {
  const { data, error, reload } = useRemote("/api/price-rates", (path, signal) =>
    getJson<RatesRead>(path, signal),
  );
  const moved = useTopic("rates:default")?.v ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: other rates hold, or are to come.
  useEffect(() => reload(), [moved]);
  return (
    <section className="panel" aria-labelledby="rates">
      <div className="panel-head">
        <h2 id="rates">Exchange rates</h2>
        <span>costs are rounded up to the cent</span>
      </div>
      {error && data === null ? (
        <Failed error={error} retry={reload} />
      ) : data === null ? (
        <TableSkeleton rows={2} />
      ) : data.rates.length + data.coming.length === 0 ? (
        <p className="panel-note">
          None. An offer in another currency than {currency} has no price until there is one.
        </p>
      ) : (
        <Scroll label="Exchange rates">
          <table className="data">
            <thead>
              <tr>
                <th scope="col">Of</th>
                <th scope="col">in</th>
                <th scope="col" className="number">
                  Rate
                </th>
                <th scope="col">From</th>
              </tr>
            </thead>
            <tbody>
              {[...data.rates, ...data.coming].map((one) => (
                <RateRow
                  key={`${one.base}/${one.quote}/${one.valid_from_ms}`}
                  rate={one}
                  coming={data.coming.includes(one)}
                />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {data !== null && data.wanted.length > 0 && (
        <ul className="rates-wanted" data-testid="rates-wanted">
          {data.wanted.map((one) => (
            <li key={one.currency}>
              {one.skus === 1 ? "1 article has" : `${one.skus.toLocaleString("en")} articles have`}{" "}
              no price, since its cost is in {one.currency}: tell a rate.
            </li>
          ))}
        </ul>
      )}
      <NewRate quote={currency} first={data?.wanted[0]?.currency ?? ""} />
    </section>
  );
}

function RateRow({ rate, coming }: { rate: Rate; coming: boolean }) {
  return (
    <tr>
      <th scope="row">{rate.base}</th>
      <td>{rate.quote}</td>
      <td className="number">{rate.rate}</td>
      <td>
        {momentText(rate.valid_from_ms)}
        {coming && <span className="data-sub">to come</span>}
      </td>
    </tr>
  );
}

const EMPTY = { base: "", rate: "", from: "" };

function NewRate({ quote, first }: { quote: string; first: string }) {
  const command = useCommand("pricing.put_rates");
  const offline = useOffline();
  const [draft, setDraft] = useState(EMPTY);
  const blocked = offline || command.pending;
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (blocked) return;
    const from = draft.from === "" ? Date.now() : Date.parse(draft.from);
    const told = {
      base: draft.base,
      quote,
      rate: draft.rate.replace(",", "."),
      valid_from_ms: from,
    };
    if ((await command.send({ rates: [told] })) !== null) setDraft(EMPTY);
  };
  return (
    <details className="price-new" open={first !== ""}>
      <summary>Tell a rate</summary>
      <form className="price-form" onSubmit={(event) => void submit(event)}>
        <div className="price-row">
          <Cell
            label="One unit of"
            hint={first || "USD"}
            value={draft.base}
            change={(base) => setDraft({ ...draft, base: base.toUpperCase() })}
          />
          <Cell
            label={`is, in ${quote}`}
            hint="0.9213"
            inputMode="decimal"
            value={draft.rate}
            change={(rate) => setDraft({ ...draft, rate })}
          />
          <Cell
            label="from"
            type="datetime-local"
            wide
            value={draft.from}
            change={(from) => setDraft({ ...draft, from })}
          />
        </div>
        <p className="price-actions">
          <button type="submit" className="button" aria-disabled={blocked}>
            {command.pending ? "One moment…" : "Save"}
          </button>
        </p>
        <div role="alert" className="price-fault">
          {command.error?.message}
        </div>
      </form>
    </details>
  );
}
