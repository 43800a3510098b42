/** Every source: where it is, when it is looked at next, what came of it last. */

import type { SourceDocument } from "@shopwire/client";
import { Cued } from "../shared/cue.tsx";
import { Notice } from "../shared/Notice.tsx";
import { Link } from "../shared/router.tsx";
import { agoText, momentText, useNow } from "../shared/time.ts";
import { Scroll } from "./Scroll.tsx";
import { StateWord } from "./StateWord.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import {
  hrefOf,
  idOf,
  nextText,
  outcomeState,
  type SourcesData,
  type SupplyRow,
  scheduleText,
  whereText,
} from "./useSources.ts";

const NOW_MS = 1_000;

export function SourcesTable({ data }: { data: SourcesData | null }) {
  const now = useNow(NOW_MS);
  if (data === null) return <TableSkeleton rows={3} />;
  if (data.sources.length === 0) {
    return (
      <Notice title="No source yet">
        Say where a feed comes from, and it is fetched by itself from then on.
      </Notice>
    );
  }
  return (
    <Scroll label="Sources">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">Source</th>
            <th scope="col">Comes from</th>
            <th scope="col">Next</th>
            <th scope="col">Last</th>
          </tr>
        </thead>
        <tbody>
          {data.sources.map((source) => (
            <Row
              key={idOf(source)}
              source={source}
              supply={data.suppliers.find((one) => one.supplier === source.supplier) ?? null}
              now={now}
            />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

interface RowProps {
  source: SourceDocument;
  supply: SupplyRow | null;
  now: number;
}

function Row({ source, supply, now }: RowProps) {
  const { last } = source;
  return (
    <tr data-testid="source-row">
      <th scope="row">
        <Link href={hrefOf(source)}>{supply?.name ?? source.supplier}</Link>
        <span className="data-sub">{source.name}</span>
      </th>
      <td>
        <span className="data-sub source-where" title={whereText(source)}>
          {whereText(source)}
        </span>
        {scheduleText(source)}
      </td>
      <td>{nextText(source, supply, now)}</td>
      <td>
        {last === null ? (
          <span className="soft">never</span>
        ) : (
          <Cued value={last.ended_ms}>
            <StateWord state={outcomeState(last.outcome)} />
            <span className="data-sub" title={momentText(last.ended_ms)}>
              {agoText(now - last.ended_ms)}
              {last.reason ? `: ${last.reason}` : ""}
            </span>
          </Cued>
        )}
      </td>
    </tr>
  );
}
