/** One import: how far it is, what came of its rows, and the rows that need a person. */

import { useTopic } from "@shopwire/client/react";
import { getJson, NOT_FOUND } from "../shared/api.ts";
import { Cued } from "../shared/cue.tsx";
import type { ImportRun } from "../shared/documents.ts";
import { Icon } from "../shared/icons.tsx";
import { Failed, Notice } from "../shared/Notice.tsx";
import { useRemote } from "../shared/remote.ts";
import { Link, useTitle } from "../shared/router.tsx";
import { durationText, momentText, useNow } from "../shared/time.ts";
import { AskButton } from "./AskButton.tsx";
import { ChangesPanel } from "./ChangesPanel.tsx";
import { CutOff } from "./CutOff.tsx";
import { importPath, useDecision } from "./decisions.ts";
import { HoldPanel } from "./HoldPanel.tsx";
import { LimitsPanel } from "./LimitsPanel.tsx";
import { Quarantine } from "./Quarantine.tsx";
import { RunState } from "./RunsTable.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import { nameOf, useSuppliers } from "./useSuppliers.ts";
import "../styles/imports.css";

export function ImportPage({ id }: { id: string }) {
  const live = useTopic(`import:${id}`);
  const { data, error, reload } = useRemote(
    `/api/imports/${encodeURIComponent(id)}`,
    (path, signal) => getJson<ImportRun>(path, signal),
  );
  const suppliers = useSuppliers();
  const run = live?.doc ?? data;
  const name = run ? nameOf(run.supplier, suppliers.data) : "Import";
  useTitle(`${name} · Import · Shopwire console`);
  if (run) return <Shown run={run} name={name} reload={reload} />;
  if (error?.status === NOT_FOUND) {
    return (
      <Notice
        page
        title="There is no such import"
        actions={
          <Link className="button" href="/console/imports">
            All imports
          </Link>
        }
      >
        Its record may have been on another installation.
      </Notice>
    );
  }
  return error ? <Failed page error={error} retry={reload} /> : <TableSkeleton rows={8} />;
}

interface ShownProps {
  run: ImportRun;
  name: string;
  reload: () => void;
}

function Shown({ run, name, reload }: ShownProps) {
  const ended = ["finished", "failed", "interrupted"].includes(run.status);
  return (
    <>
      <div className="page-head">
        <Link className="back" href="/console/imports">
          <Icon name="left" size={16} /> Imports
        </Link>
        <h1>{name}</h1>
        <p>
          <RunState run={run} />
          <span>{run.source}</span>
          <span>profile {run.profile}</span>
          {run.kind === "full" && <span>full feed</span>}
          <Took run={run} />
        </p>
      </div>
      {run.error !== null && (
        <p className="banner" role="alert">
          <Icon name="alert" /> {run.error}
          {run.status !== "rejected" && " What was taken before it stays."}
        </p>
      )}
      {run.status === "running" && run.kept && (
        <p className="panel-note">
          The file is kept until the import has ended: if the shop stops meanwhile, it goes on by
          itself.
        </p>
      )}
      {run.status === "failed" && run.kept && <TryAgain run={run} decided={reload} />}
      {run.status === "interrupted" && <CutOff run={run} />}
      {run.status === "held" && run.hold !== null && (
        <HoldPanel run={run} hold={run.hold} decided={reload} />
      )}
      <Sum run={run} />
      {run.notes.length > 0 && (
        <ul className="notes" aria-label="Notes">
          {run.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      <section className="panel" aria-labelledby="quarantine">
        <div className="panel-head">
          <h2 id="quarantine">Rows that could not be used</h2>
          <span>{quarantineText(run)}</span>
        </div>
        {run.status === "held" ? (
          <p className="panel-note">They are kept once the feed is taken in.</p>
        ) : (
          <Quarantine
            run={run.id}
            count={run.quarantined}
            running={run.status === "running"}
            broken={run.status === "failed" || run.status === "interrupted"}
            mendable={ended}
          />
        )}
      </section>
      {run.altered > 0 && <ChangesPanel run={run} decided={reload} />}
      <LimitsPanel supplier={run.supplier} />
    </>
  );
}

/** An approved feed that failed: its file is kept, so nobody has to send it again. */
function TryAgain({ run, decided }: { run: ImportRun; decided: () => void }) {
  const decision = useDecision<unknown>();
  const send = (): void => {
    void decision.send(importPath(run.id, "/approve")).then((done) => done !== null && decided());
  };
  return (
    <p className="run-actions">
      <AskButton name="again" pending={decision.pending} ask={send}>
        Take it in again
      </AskButton>
      The file is kept.
      <span role="alert">{decision.error?.body.message}</span>
    </p>
  );
}

/** "12, of which 3 mended and 1 set aside" */
export function quarantineText({ quarantined, mended, dropped }: ImportRun): string {
  const parts = [
    mended > 0 ? `${mended.toLocaleString()} mended` : "",
    dropped > 0 ? `${dropped.toLocaleString()} set aside` : "",
  ].filter((part) => part !== "");
  const count = quarantined.toLocaleString();
  return parts.length > 0 ? `${count}, of which ${parts.join(" and ")}` : count;
}

function Took({ run }: { run: ImportRun }) {
  const now = useNow(1_000);
  const end = run.finished_at_ms ?? Math.max(now, run.started_at_ms);
  if (run.status === "held") return <span>{momentText(run.started_at_ms)}, held</span>;
  return (
    <span>
      {momentText(run.started_at_ms)}, {run.finished_at_ms === null ? "running for" : "took"}{" "}
      {durationText(end - run.started_at_ms)}
    </span>
  );
}

/** Every row is in exactly one of the three parts; the bar shows their shares. */
function Sum({ run }: { run: ImportRun }) {
  const parts = [
    { kind: "changed", label: "changed something", count: run.changed },
    { kind: "unchanged", label: "said what was known", count: run.unchanged },
    { kind: "bad", label: "could not be used", count: run.quarantined },
  ];
  return (
    <section className="panel sum" aria-label="What came of the rows">
      <p className="sum-total">
        <Cued value={run.rows} className="metric-value">
          {run.rows.toLocaleString()}
        </Cued>{" "}
        rows read
      </p>
      <svg className="sum-bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
        {shares(parts.map((part) => part.count)).map(({ start, width }, at) => (
          <rect
            key={parts[at]?.kind}
            data-kind={parts[at]?.kind}
            x={start}
            width={width}
            height={10}
          />
        ))}
      </svg>
      {run.discontinued > 0 && (
        <p>
          <strong>{run.discontinued.toLocaleString()}</strong> articles are not named any more, and
          no longer offered.
        </p>
      )}
      <dl>
        {parts.map(({ kind, label, count }) => (
          <div key={kind} data-kind={kind}>
            <dt>{label}</dt>
            <dd>
              <Cued value={count}>{count.toLocaleString()}</Cued>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** Where each part of a bar of 1,000 starts and how wide it is; something is never nothing. */
export function shares(counts: readonly number[]): { start: number; width: number }[] {
  const sum = counts.reduce((all, count) => all + count, 0);
  const least = 6;
  const raw = counts.map((count) => (count === 0 ? 0 : Math.max(least, (count / sum) * 1_000)));
  const total = raw.reduce((all, width) => all + width, 0);
  let start = 0;
  return raw.map((width) => {
    const scaled = total === 0 ? 0 : (width / total) * 1_000;
    const place = { start, width: scaled };
    start += scaled;
    return place;
  });
}
