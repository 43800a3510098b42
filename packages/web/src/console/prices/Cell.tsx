/** One labelled cell of a row that is typed into. */

import { useId } from "react";

interface CellProps {
  label: string;
  value: string;
  change: (value: string) => void;
  hint?: string;
  fault?: string | undefined;
  type?: "text" | "datetime-local";
  inputMode?: "text" | "decimal" | "numeric";
  wide?: boolean;
}

export function Cell({
  label,
  value,
  change,
  hint,
  fault,
  type = "text",
  inputMode = "text",
  wide = false,
}: CellProps) {
  const id = useId();
  return (
    <div className="price-cell" data-wide={wide || undefined}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type={type}
        value={value}
        inputMode={inputMode}
        placeholder={hint}
        autoComplete="off"
        aria-invalid={fault !== undefined}
        aria-describedby={fault === undefined ? undefined : `${id}-fault`}
        onChange={(event) => change(event.target.value)}
      />
      {fault !== undefined && (
        <p className="price-fault" id={`${id}-fault`}>
          {fault}
        </p>
      )}
    </div>
  );
}
