/** A number of units for each line, from none to all that is possible. */

import { useId } from "react";
import { unitsOf } from "./orders.ts";

export type Units = Readonly<Record<string, string>>;

interface UnitFieldsProps {
  legend: string;
  /** How many are possible, by SKU. */
  most: Readonly<Record<string, number>>;
  /** What the lines are called, by SKU. */
  names: Readonly<Record<string, string>>;
  units: Units;
  onChange: (units: Units) => void;
}

export function UnitFields({ legend, most, names, units, onChange }: UnitFieldsProps) {
  const id = useId();
  return (
    <fieldset className="portal-units">
      <legend>{legend}</legend>
      {Object.entries(most).map(([sku, limit]) => {
        const text = units[sku] ?? String(limit);
        return (
          <div className="field" key={sku}>
            <label htmlFor={`${id} ${sku}`}>
              {names[sku] ?? sku} <span className="soft">of {limit}</span>
            </label>
            <input
              id={`${id} ${sku}`}
              inputMode="numeric"
              autoComplete="off"
              value={text}
              aria-invalid={unitsOf(text, limit) === null}
              onChange={(event) => onChange({ ...units, [sku]: event.target.value })}
            />
          </div>
        );
      })}
    </fieldset>
  );
}

/** The units that were written, by line; null where one of them cannot be. */
export function written(
  most: Readonly<Record<string, number>>,
  units: Units,
): { sku: string; quantity: number }[] | null {
  const lines: { sku: string; quantity: number }[] = [];
  for (const [sku, limit] of Object.entries(most)) {
    const quantity = unitsOf(units[sku] ?? String(limit), limit);
    if (quantity === null) return null;
    lines.push({ sku, quantity });
  }
  return lines;
}
