/** How many orders are placed per minute, of the last half hour, and how many wait for a choice. */

import { useTopic } from "@shopwire/client/react";
import { useMemo } from "react";
import { getJson, withParams } from "../shared/api.ts";
import type { EntryPage, OrderEntry } from "../shared/documents.ts";
import { useRemote } from "../shared/remote.ts";
import { Chart } from "./Chart.tsx";
import { counted, useRate } from "./rate.ts";

const COUNTED_MAX = 100;

export function OrderRate() {
  const samples = useRate();
  const now = useTopic("ops:orders")?.doc;
  // What was before the console was opened; what comes after, the server tells.
  const { data } = useRemote(withParams("/api/orders", { limit: COUNTED_MAX }), (path, signal) =>
    getJson<EntryPage<OrderEntry>>(path, signal),
  );
  const first = samples[0]?.at ?? null;
  const before = useMemo(() => {
    if (data === null || first === null) return [];
    return counted(
      data.items.map(({ doc }) => doc),
      first,
      data.next === null,
    );
  }, [data, first]);
  const all = useMemo(() => [...before, ...samples], [before, samples]);
  const times = useMemo(() => all.map(({ at }) => at / 1_000), [all]);
  const values = useMemo(() => all.map(({ placed }) => placed), [all]);
  if (!now) return null;
  return (
    <div className="rate">
      <dl className="metrics">
        <div className="metric">
          <dt>Placed in the last minute</dt>
          <dd>
            <span className="metric-value live-number" data-testid="metric-orders">
              {now.per_minute.toLocaleString()}
            </span>
          </dd>
        </div>
        <div className="metric" data-warns={now.open_conflicts > 0 || undefined}>
          <dt>Waiting for a choice</dt>
          <dd>
            <span className="metric-value live-number" data-testid="metric-conflicts">
              {now.open_conflicts.toLocaleString()}
            </span>
          </dd>
        </div>
      </dl>
      <Chart title="Orders" unit="per minute" times={times} values={values} colour={1} />
    </div>
  );
}
