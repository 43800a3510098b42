/** The parts that the mapping form is made of: a label with its control, a choice of a column. */

import { type ReactNode, useId } from "react";

export interface WithColumns {
  columns: readonly string[];
}

interface ColumnSelectProps extends WithColumns {
  id: string;
  value: string;
  change: (column: string) => void;
}

export function ColumnSelect({ id, columns, value, change }: ColumnSelectProps) {
  return (
    <select id={id} value={value} onChange={(event) => change(event.target.value)}>
      <option value="">None</option>
      {value !== "" && !columns.includes(value) && (
        <option value={value}>{value} (not in this file)</option>
      )}
      {columns.map((column) => (
        <option key={column} value={column}>
          {column}
        </option>
      ))}
    </select>
  );
}

interface TypedProps {
  label: string;
  value: string;
  change: (text: string) => void;
  hint?: string;
}

export function Typed({ label, value, change, hint }: TypedProps) {
  return (
    <Field label={label}>
      {(id) => (
        <input
          id={id}
          value={value}
          placeholder={hint}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => change(event.target.value)}
        />
      )}
    </Field>
  );
}

export function Field({ label, children }: { label: string; children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="rule-field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
    </div>
  );
}
