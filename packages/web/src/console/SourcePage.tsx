/** One source: how its supplier's data stands, when it is looked at, what came of each look. */

import type { SourceDocument } from "@shopwire/client";
import { useCommand } from "@shopwire/client/react";
import { useEffect, useState } from "react";
import { getJson, withParams } from "../shared/api.ts";
import { Announce, Cued } from "../shared/cue.tsx";
import { Icon } from "../shared/icons.tsx";
import { Failed } from "../shared/Notice.tsx";
import { useRemote } from "../shared/remote.ts";
import { Link, useTitle } from "../shared/router.tsx";
import { agoText, momentText, useNow } from "../shared/time.ts";
import { Breaker } from "./Breaker.tsx";
import { FetchesTable, type FetchPage } from "./FetchesTable.tsx";
import { NoSuchSource, SUPPLIERS } from "./NoSuchSource.tsx";
import { RulePanel } from "./RulePanel.tsx";
import { StateWord } from "./StateWord.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import {
  hrefOf,
  nextText,
  SUPPLY_STATES,
  type SupplyRow,
  scheduleText,
  useSources,
  whereText,
} from "./useSources.ts";
import "../styles/sources.css";
import { useOffline } from "../shared/useOffline.ts";

const NOW_MS = 1_000;
export function SourcePage({ supplier, name }: { supplier: string; name: string }) {
  const { data, error, reload } = useSources(supplier);
  const source = data?.sources.find((one) => one.name === name) ?? null;
  const supply = data?.suppliers[0] ?? null;
  useTitle(`${supply?.name ?? supplier} · Source · Shopwire console`);
  if (source && supply) return <Shown source={source} supply={supply} />;
  if (data !== null) return <NoSuchSource />;
  return error ? <Failed page error={error} retry={reload} /> : <TableSkeleton rows={8} />;
}

function Shown({ source, supply }: { source: SourceDocument; supply: SupplyRow }) {
  const now = useNow(NOW_MS);
  return (
    <>
      <div className="page-head">
        <Link className="back" href={SUPPLIERS}>
          <Icon name="left" size={16} /> Suppliers
        </Link>
        <h1>
          {supply.name}: {source.name}
        </h1>
        <p>
          <Cued value={supply.state}>
            <StateWord state={SUPPLY_STATES[supply.state]} testId="supply-state" />
          </Cued>
          <span title={supply.good_ms === null ? undefined : momentText(supply.good_ms)}>
            {supply.good_ms === null
              ? "no good data yet"
              : `good data ${agoText(now - supply.good_ms)}`}
          </span>
          <span>{supply.skus.toLocaleString()} articles depend on it</span>
        </p>
      </div>
      <Announce text={`${supply.name}: ${SUPPLY_STATES[supply.state].word}`} />
      <Actions source={source} />
      <section className="panel source-facts" aria-label="How it is looked at">
        <dl>
          <Fact name="Comes from" value={whereText(source)} />
          <Fact name="Looked at" value={scheduleText(source)} />
          <Fact name="Next" value={nextText(source, supply, now)} />
          <Fact name="Read as" value={readText(source)} />
        </dl>
        <Breaker supply={supply} now={now} />
      </section>
      <RulePanel supply={supply} />
      <Runs source={source} />
    </>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function readText({ profile, currency, feed, as_of }: SourceDocument): string {
  const parts = [profile ?? "what the file tells", currency];
  if (feed !== null) parts.push(`a ${feed} feed`);
  if (as_of !== "none") parts.push(as_of === "modified" ? "as of its own time" : "as of the fetch");
  return parts.join(", ");
}

function Actions({ source }: { source: SourceDocument }) {
  const { supplier, name, state } = source;
  const run = useCommand("sources.run_now");
  const pause = useCommand("sources.pause_source");
  const remove = useCommand("sources.remove_source");
  const [sure, setSure] = useState(false);
  const busy = useOffline() || run.pending || pause.pending || remove.pending;
  const isOff = busy || state === "paused" || source.place.kind === "push";
  const problem = run.error ?? pause.error ?? remove.error;
  return (
    <div className="source-actions">
      <button
        type="button"
        className="button"
        data-testid="run-now"
        aria-disabled={isOff || source.running_since_ms !== null}
        onClick={() => {
          if (!isOff) void run.send({ supplier, name }).catch(() => undefined);
        }}
      >
        {source.running_since_ms === null ? "Run now" : "Running…"}
      </button>
      <button
        type="button"
        className="button"
        data-testid="pause"
        aria-disabled={busy}
        onClick={() => {
          if (busy) return;
          void pause.send({ supplier, name, paused: state !== "paused" }).catch(() => undefined);
        }}
      >
        {state === "paused" ? "Go on" : "Pause"}
      </button>
      <Link className="button" href={`${hrefOf(source)}/change`}>
        Change
      </Link>
      {sure ? (
        <span className="source-sure">
          Remove it for good?
          <button
            type="button"
            className="button"
            aria-disabled={busy}
            onClick={() => {
              if (!busy) void remove.send({ supplier, name }).catch(() => undefined);
            }}
          >
            Remove
          </button>
          <button type="button" className="button" onClick={() => setSure(false)}>
            Keep it
          </button>
        </span>
      ) : (
        <button type="button" className="button" onClick={() => setSure(true)}>
          Remove…
        </button>
      )}
      <div role="alert" className="refused">
        {problem?.message}
      </div>
    </div>
  );
}

/** The newest runs are read again when one ended; older ones come by the button. */
function Runs({ source }: { source: SourceDocument }) {
  const { supplier, name } = source;
  const base = `/api/sources/${encodeURIComponent(supplier)}/${encodeURIComponent(name)}/runs`;
  const newest = useRemote(base, (path, signal) => getJson<FetchPage>(path, signal));
  const [older, setOlder] = useState<FetchPage | null>(null);
  const ended = source.last?.ended_ms ?? 0;
  const { reload } = newest;
  // biome-ignore lint/correctness/useExhaustiveDependencies: an ended run is why to read again.
  useEffect(() => {
    reload();
  }, [ended, reload]);
  const first = newest.data?.items ?? null;
  const seen = new Set(first?.map(({ fence }) => fence));
  const items =
    first && older ? [...first, ...older.items.filter(({ fence }) => !seen.has(fence))] : first;
  const next = older ? older.next : (newest.data?.next ?? null);
  const more = (): void => {
    getJson<FetchPage>(withParams(base, { cursor: next })).then(
      (page) => setOlder((was) => ({ ...page, items: [...(was?.items ?? []), ...page.items] })),
      () => reload(), // whose own failure is shown
    );
  };
  return (
    <section className="panel" aria-labelledby="runs">
      <div className="panel-head">
        <h2 id="runs">Runs</h2>
      </div>
      {newest.error && items === null ? (
        <Failed error={newest.error} retry={reload} />
      ) : (
        <FetchesTable items={items} />
      )}
      {next !== null && (
        <p className="panel-more">
          <button type="button" className="button button-small" onClick={more}>
            Show older
          </button>
        </p>
      )}
    </section>
  );
}
