/** Rows that need a person: where, why, what to do, and the row as it came. */

import { type KeyboardEvent, useCallback, useEffect, useRef, useState } from "react";
import { ApiError, getJson, withParams } from "../shared/api.ts";
import type { BadRow } from "../shared/documents.ts";
import { Failed, Notice } from "../shared/Notice.tsx";
import { MendForm } from "./MendForm.tsx";
import { StateWord } from "./StateWord.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import type { State } from "./words.ts";

interface BadRows {
  readonly items: readonly BadRow[];
  readonly next: number | null;
}

const PAGE_ROWS = 50;

interface QuarantineProps {
  run: string;
  /** Rows in quarantine as the run tells it: when it grows, there is more to read. */
  count: number;
  running: boolean;
  /** Whether its rows can be mended. */
  mendable?: boolean;
  /** It came to no good end: of the rows behind it nobody knows. */
  broken?: boolean;
}

interface Loaded {
  readonly rows: readonly BadRow[];
  readonly next: number | null;
  readonly error: ApiError | null;
  readonly ready: boolean;
}

function useBadRows(run: string, count: number): Loaded & { more: () => void } {
  const [state, setState] = useState<Loaded>({ rows: [], next: null, error: null, ready: false });
  const last = state.rows.at(-1)?.seq ?? 0;
  const read = useCallback(
    (after: number, signal?: AbortSignal) => {
      const path = `/api/imports/${encodeURIComponent(run)}/quarantine`;
      getJson<BadRows>(withParams(path, { limit: PAGE_ROWS, cursor: after || null }), signal).then(
        ({ items, next }) => {
          if (signal?.aborted) return;
          setState((was) => {
            const known = was.rows.filter((row) => row.seq <= after);
            return { rows: [...known, ...items], next, error: null, ready: true };
          });
        },
        (error: unknown) => {
          if (signal?.aborted) return;
          if (!(error instanceof ApiError)) throw error;
          setState((was) => ({ ...was, error, ready: true }));
        },
      );
    },
    [run],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: asks again when there are more rows than shown.
  useEffect(() => {
    const stop = new AbortController();
    if (state.rows.length < PAGE_ROWS) read(0, stop.signal);
    return () => stop.abort();
  }, [read, count]);
  return { ...state, more: () => read(last) };
}

type Outcome = "mended" | "dropped";

export function Quarantine({
  run,
  count,
  running,
  broken = false,
  mendable = false,
}: QuarantineProps) {
  const [settled, setSettled] = useState<Readonly<Record<number, Outcome>>>({});
  const { rows, next, error, ready, more } = useBadRows(run, count);
  const list = useRef<HTMLOListElement>(null);
  if (error && rows.length === 0) return <Failed error={error} retry={more} />;
  if (!ready) return <TableSkeleton rows={3} />;
  if (rows.length === 0) {
    return (
      <Notice title={running || broken ? "None so far" : "Every row could be used"} icon="check">
        A row that cannot be used is kept here with the reason; the others go through.
      </Notice>
    );
  }
  return (
    <>
      <ol className="bad-rows" ref={list} onKeyDown={(event) => moveFocus(event, list.current)}>
        {rows.map((row) => (
          <Row
            key={row.seq}
            row={row}
            outcome={settled[row.seq] ?? row.outcome ?? null}
            run={mendable ? run : null}
            settled={(outcome) => setSettled((was) => ({ ...was, [row.seq]: outcome }))}
          />
        ))}
      </ol>
      {(next !== null || error) && (
        <div className="panel-more">
          <button type="button" className="button button-small" onClick={more}>
            Show more
          </button>
          {error && <span role="alert">{error.body.message}</span>}
        </div>
      )}
    </>
  );
}

/** Up and down go from row to row, as in a list of mail; Tab works as ever. */
function moveFocus(event: KeyboardEvent, list: HTMLElement | null): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined || list === null) return;
  const heads = [...list.querySelectorAll<HTMLElement>("summary")];
  const at = heads.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  event.preventDefault();
  heads[Math.min(heads.length - 1, Math.max(0, at + step))]?.focus();
}

interface RowProps {
  row: BadRow;
  outcome: Outcome | null;
  /** The run that it may be mended in. */
  run: string | null;
  settled: (outcome: Outcome) => void;
}

const OUTCOMES: Readonly<Record<Outcome, State>> = {
  mended: { word: "Mended", tone: "good" },
  dropped: { word: "Set aside", tone: "over" },
};

function Row({ row, outcome, run, settled }: RowProps) {
  return (
    <li data-testid="quarantine-row" data-outcome={outcome ?? undefined}>
      <details>
        <summary>
          <span className="bad-place">
            Line {row.line.toLocaleString()}
            {row.column !== "" && <code>{row.column}</code>}
          </span>
          <span className="bad-reason">{row.reason}</span>
          {outcome === null ? (
            <code className="bad-code">{row.code}</code>
          ) : (
            <StateWord state={OUTCOMES[outcome]} />
          )}
        </summary>
        <div className="bad-more">
          <p>
            <strong>What to do</strong> {row.remedy}
          </p>
          <figure>
            <figcaption>The row as it came</figcaption>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long row scrolls, and the keyboard must reach it. */}
            <pre tabIndex={0}>{row.raw}</pre>
          </figure>
          {outcome !== null && <p role="status">{outcomeText(outcome, row.settled_by)}</p>}
          {outcome === null && run !== null && <MendForm run={run} row={row} settled={settled} />}
        </div>
      </details>
    </li>
  );
}

function outcomeText(outcome: Outcome, by: string | null | undefined): string {
  const what = outcome === "mended" ? "It is mended and in effect" : "It is set aside";
  return by ? `${what}, by ${by}.` : `${what}.`;
}
