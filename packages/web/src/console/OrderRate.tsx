/** How many orders are begun per minute, of the last half hour. */

import { useMemo } from "react";
import { getJson, withParams } from "../shared/api.ts";
import type { EntryPage, OrderEntry } from "../shared/documents.ts";
import { useRemote } from "../shared/remote.ts";
import { useNow } from "../shared/time.ts";
import { Chart } from "./Chart.tsx";
import { useOrderNews } from "./orderNews.ts";
import { ratesOf } from "./rate.ts";

const COUNTED_MAX = 100;
const NOW_MS = 15_000;

export function OrderRate() {
  const now = useNow(NOW_MS);
  const { data, reload } = useRemote(
    withParams("/api/orders", { limit: COUNTED_MAX }),
    (path, signal) => getJson<EntryPage<OrderEntry>>(path, signal),
  );
  useOrderNews(reload);
  const { times, values } = useMemo(() => {
    const begun = data?.items.map(({ doc }) => doc.started_at_ms) ?? [];
    // An order that was begun after the last tick moves the clock on.
    return ratesOf(begun, Math.max(now, ...begun), data?.next === null);
  }, [data, now]);
  if (data === null || data.items.length === 0) return null;
  return <Chart title="Orders" unit="per minute" times={times} values={values} colour={1} />;
}
