/** The form's fields: a label above, what is wrong below. */

import {
  COUNTRIES,
  type Details,
  type Faults,
  type Field,
  type FieldSpec,
  METHODS,
} from "./form.ts";

interface FieldsProps {
  details: Details;
  faults: Faults;
  onChange: (field: Field, value: string) => void;
}

const names = new Intl.DisplayNames(["en"], { type: "region" });

/** The id of a field's input, to which the page leads whoever has to correct it. */
export const idOf = (field: Field): string => `checkout-${field}`;

export function TextFields({ specs, ...props }: FieldsProps & { specs: readonly FieldSpec[] }) {
  return (
    <div className="fields">
      {specs.map((spec) => (
        <TextField key={spec.field} spec={spec} {...props} />
      ))}
    </div>
  );
}

function TextField({ spec, details, faults, onChange }: FieldsProps & { spec: FieldSpec }) {
  const { field } = spec;
  const fault = faults[field];
  return (
    <div className="field" data-short={spec.short || undefined}>
      <label htmlFor={idOf(field)}>
        {spec.label} {spec.optional && <span className="soft">(if there is one)</span>}
      </label>
      <input
        id={idOf(field)}
        name={field}
        data-testid={`field-${field}`}
        type={spec.type ?? "text"}
        autoComplete={spec.autoComplete}
        maxLength={spec.charsMax}
        required={!spec.optional}
        value={details[field]}
        aria-invalid={fault !== undefined}
        aria-describedby={fault === undefined ? undefined : `${idOf(field)}-fault`}
        onChange={(event) => onChange(field, event.target.value)}
      />
      <FaultText field={field} fault={fault} />
    </div>
  );
}

function FaultText({ field, fault }: { field: Field; fault: string | undefined }) {
  if (fault === undefined) return null;
  return (
    <p className="field-fault" id={`${idOf(field)}-fault`} data-testid={`fault-${field}`}>
      {fault}
    </p>
  );
}

export function CountryField({ details, faults, onChange }: FieldsProps) {
  return (
    <div className="field">
      <label htmlFor={idOf("country")}>Country</label>
      <select
        id={idOf("country")}
        name="country"
        autoComplete="country"
        value={details.country}
        aria-invalid={faults.country !== undefined}
        aria-describedby={faults.country === undefined ? undefined : `${idOf("country")}-fault`}
        onChange={(event) => onChange("country", event.target.value)}
      >
        {COUNTRIES.map((code) => (
          <option key={code} value={code}>
            {names.of(code)}
          </option>
        ))}
      </select>
      <FaultText field="country" fault={faults.country} />
    </div>
  );
}

/** No money moves: the provider behind these only plays one. */
export function MethodFields({ details, faults, onChange }: FieldsProps) {
  return (
    <>
      <div className="methods">
        {METHODS.map(({ id, name, note }) => (
          <label key={id} className="method">
            <input
              type="radio"
              name="method"
              id={details.method === id ? idOf("method") : undefined}
              value={id}
              checked={details.method === id}
              data-testid={`method-${id}`}
              onChange={() => onChange("method", id)}
            />
            <span>
              {name}
              <span className="soft">{note}</span>
            </span>
          </label>
        ))}
      </div>
      <FaultText field="method" fault={faults.method} />
    </>
  );
}
