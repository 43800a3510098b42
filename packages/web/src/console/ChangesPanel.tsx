/** What an import changed, field by field, and the way to put all of it back. */

import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { Announce } from "../shared/cue.tsx";
import type { ImportRun } from "../shared/documents.ts";
import { Failed, Notice } from "../shared/Notice.tsx";
import { momentText } from "../shared/time.ts";
import { useOffline } from "../shared/useOffline.ts";
import { type AlteredGroup, fieldText, linesOf } from "./changes.ts";
import { importPath, useDecision } from "./decisions.ts";
import { Scroll } from "./Scroll.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import { usePages } from "./usePages.ts";

interface PanelProps {
  run: ImportRun;
  decided: () => void;
}

export function ChangesPanel({ run, decided }: PanelProps) {
  return (
    <section className="panel" aria-labelledby="changes" data-testid="changes">
      <div className="panel-head">
        <h2 id="changes">What it changed</h2>
        <span>
          {run.altered.toLocaleString()} {run.altered === 1 ? "product" : "products"}
        </span>
      </div>
      <Undo run={run} decided={decided} />
      <Changes key={run.id} run={run} />
    </section>
  );
}

function Changes({ run }: { run: ImportRun }) {
  const { items, next, error, ready, more } = usePages<AlteredGroup>(
    importPath(run.id, "/changes"),
    run.status === "running" ? Math.min(run.altered, 1) : run.altered,
  );
  if (error && items.length === 0) return <Failed error={error} retry={more} />;
  if (!ready) return <TableSkeleton rows={4} />;
  const lines = items.flatMap(linesOf);
  if (lines.length === 0) {
    return (
      <Notice title="Nothing" icon="check">
        All that it says was known.
      </Notice>
    );
  }
  return (
    <>
      <Scroll label="What it changed">
        <table className="data">
          <thead>
            <tr>
              <th scope="col">Article</th>
              <th scope="col">Field</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line) => (
              <tr key={line.key} data-testid="change">
                <th scope="row">{line.id}</th>
                <td>{line.field}</td>
                <td className="soft change-value">{line.before}</td>
                <td className="change-value">{line.after}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      {next !== null && (
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

/** Asks once more before it is done; afterwards says what came of it. */
function Undo({ run, decided }: PanelProps) {
  const decision = useDecision<ImportRun>();
  const offline = useOffline();
  const [asking, setAsking] = useState(false);
  const sure = useRef<HTMLButtonElement>(null);
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (asking) sure.current?.focus();
  }, [asking]);
  if (run.status === "undone" || run.status === "undoing") return <Undone run={run} />;
  if (run.status !== "finished" && run.status !== "failed") return null;
  if (run.undo_until_ms === null) {
    return (
      <p className="panel-note">
        It is too long ago to be undone: what was before is kept no more.
      </p>
    );
  }
  const blocked = offline || decision.pending;
  const undo = (): void => {
    if (blocked) return;
    void decision.send(importPath(run.id, "/undo")).then((done) => done !== null && decided());
  };
  const leave = (): void => {
    setAsking(false);
    setTimeout(() => first.current?.focus(), 0);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && !decision.pending) leave();
  };
  if (!asking) {
    return (
      <div className="run-actions">
        <button
          type="button"
          className="button"
          data-testid="undo"
          ref={first}
          aria-disabled={blocked}
          onClick={() => !blocked && setAsking(true)}
        >
          Undo this import
        </button>
        {run.undo_until_ms !== undefined && (
          <span className="soft">Until {momentText(run.undo_until_ms)}</span>
        )}
      </div>
    );
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Escape leaves the question from any of its buttons.
    <div className="run-actions" onKeyDown={onKeyDown}>
      <p id="undo-question">
        All of the above goes back to what it was. Orders stay, and so does what was changed since.
      </p>
      <button
        type="button"
        className="button button-main"
        data-testid="undo-sure"
        ref={sure}
        aria-describedby="undo-question"
        aria-disabled={blocked}
        onClick={undo}
      >
        {decision.pending ? "One moment…" : "Put it back"}
      </button>
      <button type="button" className="button" aria-disabled={decision.pending} onClick={leave}>
        Leave it
      </button>
      <span role="alert">{decision.error?.body.message}</span>
    </div>
  );
}

interface Left {
  readonly seq: number;
  readonly what: string;
  readonly id: string;
  readonly fields: readonly string[];
}

function Undone({ run }: { run: ImportRun }) {
  const words =
    run.status === "undoing"
      ? "It is being put back."
      : `${run.restored.toLocaleString()} things are as they were before.`;
  return (
    <div className="undone" data-testid="undone">
      <Announce text={words} />
      <p>
        <strong>{words}</strong>
        {run.decided_by !== "" && ` Undone by ${run.decided_by}.`}
      </p>
      {run.stayed > 0 && <LeftList run={run} />}
    </div>
  );
}

function LeftList({ run }: { run: ImportRun }) {
  const { items, next, more } = usePages<Left>(importPath(run.id, "/left"), run.stayed);
  return (
    <>
      <p>
        {run.stayed.toLocaleString()} {run.stayed === 1 ? "thing was" : "things were"} changed again
        since, and left as {run.stayed === 1 ? "it is" : "they are"}:
      </p>
      <ul className="notes">
        {items.map((one) => (
          <li key={one.seq}>
            {one.id}: {one.fields.map(fieldText).join(", ")}
          </li>
        ))}
      </ul>
      {next !== null && (
        <button type="button" className="button button-small" onClick={more}>
          Show more
        </button>
      )}
    </>
  );
}
