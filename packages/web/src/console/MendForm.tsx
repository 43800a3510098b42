/** A quarantined row to be mended: its cells, or its text where it came apart into none. */

import { type FormEvent, useId, useState } from "react";
import type { BadRow, ImportRun } from "../shared/documents.ts";
import { useOffline } from "../shared/useOffline.ts";
import { importPath, useDecision } from "./decisions.ts";

interface MendFormProps {
  run: string;
  row: BadRow;
  settled: (outcome: "mended" | "dropped") => void;
}

export function MendForm({ run, row, settled }: MendFormProps) {
  const decision = useDecision<ImportRun>();
  const offline = useOffline();
  const [cells, setCells] = useState<Readonly<Record<string, string>>>({});
  const [raw, setRaw] = useState(row.raw);
  const blocked = offline || decision.pending;
  const columns = ordered(row);
  const send = (body: object, outcome: "mended" | "dropped"): void => {
    if (blocked) return;
    void decision
      .send(importPath(run, `/quarantine/${row.seq}`), body)
      .then((done) => done !== null && settled(outcome));
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const changed = Object.keys(cells).length > 0 ? { cells } : {};
    send(columns.length > 0 ? changed : { raw }, "mended");
  };
  const wrong = decision.error === null ? row.column : String(decision.error.body.data.field ?? "");
  return (
    <form className="mend" onSubmit={submit} data-testid="mend">
      {columns.length > 0 ? (
        <div className="mend-cells">
          {columns.map((column) => (
            <Cell
              key={column}
              column={column}
              wrong={column === wrong}
              value={cells[column] ?? row.cells?.[column] ?? ""}
              change={(text) => setCells((was) => ({ ...was, [column]: text }))}
            />
          ))}
        </div>
      ) : (
        <Text value={raw} change={setRaw} />
      )}
      <div className="run-actions">
        <button type="submit" className="button button-main button-small" aria-disabled={blocked}>
          {decision.pending ? "One moment…" : "Check and take it in"}
        </button>
        <button
          type="button"
          className="button button-small"
          aria-disabled={blocked}
          onClick={() => send({ drop: true }, "dropped")}
        >
          Set it aside
        </button>
        <span role="alert">{decision.error?.body.message}</span>
      </div>
    </form>
  );
}

/** The column that is wrong comes first, then those that say something. */
export function ordered({ cells = {}, column }: Pick<BadRow, "cells" | "column">): string[] {
  const names = Object.keys(cells);
  const rank = (name: string): number => (name === column ? 0 : cells[name] === "" ? 2 : 1);
  return names.sort((a, b) => rank(a) - rank(b));
}

interface CellProps {
  column: string;
  value: string;
  wrong: boolean;
  change: (text: string) => void;
}

function Cell({ column, value, wrong, change }: CellProps) {
  const id = useId();
  return (
    <div className="mend-cell">
      <label htmlFor={id}>{column}</label>
      <input
        id={id}
        value={value}
        aria-invalid={wrong || undefined}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => change(event.target.value)}
      />
    </div>
  );
}

function Text({ value, change }: { value: string; change: (text: string) => void }) {
  const id = useId();
  return (
    <div className="mend-cell">
      <label htmlFor={id}>The row as it should be</label>
      <textarea
        id={id}
        rows={3}
        value={value}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => change(event.target.value)}
      />
    </div>
  );
}
