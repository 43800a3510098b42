/** The first look: how the shop is doing this minute, and what came in last. */

import { useStatus } from "@shopwire/client/react";
import { useMemo } from "react";
import type { ImportRun, Supplier } from "../shared/documents.ts";
import { OldMark } from "../shared/Freshness.tsx";
import { Failed } from "../shared/Notice.tsx";
import { Link, useTitle } from "../shared/router.tsx";
import { Chart } from "./Chart.tsx";
import { CHARTED, METRICS, type Metric, numberText } from "./metrics.ts";
import { type Beat, usePulse } from "./pulse.ts";
import { RunsTable } from "./RunsTable.tsx";
import { Sparkline } from "./Sparkline.tsx";
import { SuppliersTable } from "./SuppliersTable.tsx";
import { useRuns } from "./useRuns.ts";
import { runsOf, useSuppliers } from "./useSuppliers.ts";

/** Beats behind a number; the large charts show all of them. */
const SPARK_BEATS = 60;
const RUNS_SHOWN = 8;
const SUPPLIERS_SHOWN = 8;

export function Overview() {
  useTitle("Overview · Shopwire console");
  const beats = usePulse();
  const runs = useRuns();
  const suppliers = useSuppliers();
  return (
    <>
      <PageHead beats={beats} />
      <dl className="metrics">
        {METRICS.map((metric) => (
          <MetricCell key={metric.name} metric={metric} beats={beats} />
        ))}
      </dl>
      <Charts beats={beats} />
      <div className="columns">
        <section className="panel" aria-labelledby="imports">
          <div className="panel-head">
            <h2 id="imports">Last imports</h2>
            <Link href="/console/imports">All imports</Link>
          </div>
          {runs.error && runs.data === null ? (
            <Failed error={runs.error} retry={runs.reload} />
          ) : (
            <RunsTable runs={runs.data?.slice(0, RUNS_SHOWN) ?? null} suppliers={suppliers.data} />
          )}
        </section>
        <section className="panel" aria-labelledby="suppliers">
          <div className="panel-head">
            <h2 id="suppliers">Suppliers</h2>
            <Link href="/console/suppliers">All suppliers</Link>
          </div>
          {suppliers.error && suppliers.data === null ? (
            <Failed error={suppliers.error} retry={suppliers.reload} />
          ) : (
            <SuppliersTable
              suppliers={lately(suppliers.data, runs.data)}
              runs={runs.data}
              compact
            />
          )}
        </section>
      </div>
    </>
  );
}

/** The suppliers that were last heard of, in their usual order: rows that hop are hard to read. */
function lately(
  suppliers: readonly Supplier[] | null,
  runs: readonly ImportRun[] | null,
): readonly Supplier[] | null {
  if (suppliers === null || suppliers.length <= SUPPLIERS_SHOWN) return suppliers;
  const heard = (one: Supplier): number => runsOf(one, runs)[0]?.started_at_ms ?? 0;
  const newest = suppliers.toSorted((one, other) => heard(other) - heard(one));
  const shown = new Set(newest.slice(0, SUPPLIERS_SHOWN));
  return suppliers.filter((one) => shown.has(one));
}

function PageHead({ beats }: { beats: readonly Beat[] }) {
  const pulse = beats.at(-1);
  const { status } = useStatus();
  return (
    <div className="page-head">
      <h1>Overview</h1>
      <p>
        {pulse ? (
          <>
            <span data-testid="metric-database" data-database={pulse.database} className="database">
              Database {pulse.database}
            </span>
            <span>
              Log at <span className="live-number">{pulse.log_head.toLocaleString()}</span>
            </span>
            <OldMark />
          </>
        ) : (
          <span>{status === "offline" ? "No connection yet." : "Waiting for the first beat."}</span>
        )}
      </p>
    </div>
  );
}

function MetricCell({ metric, beats }: { metric: Metric; beats: readonly Beat[] }) {
  const recent = beats.slice(-SPARK_BEATS);
  const values = recent.map((beat) => beat && metric.value(beat));
  const now = values.at(-1) ?? null;
  const warns = now !== null && metric.warnFrom !== undefined && now >= metric.warnFrom;
  return (
    <div className="metric" data-warns={warns || undefined}>
      <dt>{metric.label}</dt>
      <dd>
        <span className="metric-value live-number" data-testid={`metric-${metric.name}`}>
          {now === null ? "–" : numberText(now)}
        </span>{" "}
        <span className="metric-unit">{metric.unit}</span>
      </dd>
      <Sparkline values={values} />
    </div>
  );
}

function Charts({ beats }: { beats: readonly Beat[] }) {
  const times = useMemo(() => timesOf(beats), [beats]);
  return (
    <div className="charts">
      {METRICS.filter(({ name }) => CHARTED.includes(name)).map((metric, at) => (
        <MetricChart
          key={metric.name}
          metric={metric}
          beats={beats}
          times={times}
          colour={((at % 4) + 1) as 1 | 2 | 3 | 4}
        />
      ))}
    </div>
  );
}

interface MetricChartProps {
  metric: Metric;
  beats: readonly Beat[];
  times: readonly number[];
  colour: 1 | 2 | 3 | 4;
}

function MetricChart({ metric, beats, times, colour }: MetricChartProps) {
  const values = useMemo(() => beats.map((beat) => beat && metric.value(beat)), [beats, metric]);
  return (
    <Chart
      title={metric.label}
      unit={metric.unit === "/s" ? "per second" : metric.unit}
      times={times}
      values={values}
      colour={colour}
    />
  );
}

/** A gap stands right behind the beat before it. */
function timesOf(beats: readonly Beat[]): readonly number[] {
  let last = 0;
  return beats.map((beat) => {
    last = beat ? beat.now_ms / 1_000 : last + 0.5;
    return last;
  });
}
