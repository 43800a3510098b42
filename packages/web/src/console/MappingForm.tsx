/** Which column is what: one column a field, several joined, or a part of one. */

import { useStatus } from "@shopwire/client/react";
import { type ReactNode, useId, useState } from "react";
import {
  FIELDS,
  type FieldMapping,
  isShaped,
  JOINED_MAX,
  type Mapping,
  type OptionMapping,
  withColumn,
  withField,
  wordsOf,
  wordsText,
} from "./mapping.ts";
import type { Preview } from "./preview.ts";

interface ColumnsProps {
  preview: Preview;
  mapping: Mapping;
  change: (mapping: Mapping) => void;
}

/** Which column is what; a proposal is shown as such and holds once it is agreed to. */
export function Columns({ preview, mapping, change }: ColumnsProps) {
  const offline = useStatus().status === "offline";
  const proposal = preview.profile === "" && Object.keys(preview.proposed).length > 0;
  return (
    <section className="panel" aria-labelledby="columns">
      <div className="panel-head">
        <h2 id="columns">Columns</h2>
        {proposal && (
          <button
            type="button"
            className="button button-main button-small"
            aria-disabled={offline}
            onClick={() => change(mapping)}
          >
            Read it so
          </button>
        )}
      </div>
      {proposal && (
        <p className="preview-hint">
          No profile fits. This is what the columns' names sound like: look at it, change it, then
          read the file so.
        </p>
      )}
      <div className="preview-fields preview-columns">
        {FIELDS.map(({ field, name }) => (
          <Column
            key={field}
            field={field}
            name={name}
            columns={preview.columns}
            mapping={mapping}
            change={change}
          />
        ))}
      </div>
      <Options columns={preview.columns} mapping={mapping} change={change} />
      <Ways mapping={mapping} change={change} />
    </section>
  );
}

interface ColumnProps {
  field: string;
  name: string;
  columns: readonly string[];
  mapping: Mapping;
  change: (mapping: Mapping) => void;
}

function Column({ field, name, columns, mapping, change }: ColumnProps) {
  const said = mapping.fields[field];
  const [open, setOpen] = useState(() => isShaped(said));
  return (
    <div className="preview-column">
      <Field label={field === "sku" ? `${name} (needed)` : name}>
        {(id) => (
          <ColumnSelect
            id={id}
            columns={columns}
            value={said?.columns?.[0] ?? ""}
            change={(column) => change(withColumn(mapping, field, 0, column))}
          />
        )}
      </Field>
      <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          Join, split, replace<span className="visually-hidden"> for {name}</span>
        </summary>
        {open && (
          <Shape
            columns={columns}
            said={said ?? {}}
            column={(place, column) => change(withColumn(mapping, field, place, column))}
            change={(next) => change(withField(mapping, field, next))}
          />
        )}
      </details>
    </div>
  );
}

interface ShapeProps {
  columns: readonly string[];
  said: FieldMapping;
  column: (place: number, column: string) => void;
  change: (said: FieldMapping) => void;
}

const PARTS = ["First", "Second", "Third", "Fourth", "Fifth"];

/** What is done with a field's columns, in the order in which it is done. */
function Shape({ columns, said, column, change }: ShapeProps) {
  const taken = said.columns ?? [];
  const [words, setWords] = useState(() => wordsText(said.values));
  const { only, ...parted } = said;
  return (
    <div className="preview-shape">
      {Array.from({ length: Math.min(taken.length, JOINED_MAX - 1) }, (_, place) => place + 1).map(
        (place) => (
          <Field key={place} label="And the column">
            {(id) => (
              <ColumnSelect
                id={id}
                columns={columns}
                value={taken[place] ?? ""}
                change={(next) => column(place, next)}
              />
            )}
          </Field>
        ),
      )}
      {taken.length > 1 && (
        <>
          <Field label="Of several columns">
            {(id) => (
              <select
                id={id}
                value={said.glue === undefined ? "first" : "all"}
                onChange={(event) =>
                  change(without(said, "glue", event.target.value === "all" ? " " : undefined))
                }
              >
                <option value="first">The first that is not blank</option>
                <option value="all">All, joined</option>
              </select>
            )}
          </Field>
          {said.glue !== undefined && (
            <Typed
              label="Between them (a blank, unless you say otherwise)"
              value={said.glue}
              change={(glue) => change({ ...said, glue })}
            />
          )}
        </>
      )}
      <Typed
        label="Take it apart at"
        value={said.split ?? ""}
        hint="such as / or -"
        change={(split) =>
          change(split === "" ? without(parted, "split", undefined) : { ...said, split })
        }
      />
      {said.split !== undefined && (
        <Field label="Which part">
          {(id) => (
            <select
              id={id}
              value={only ?? ""}
              onChange={(event) => {
                const part = event.target.value;
                change(part === "" ? parted : { ...said, only: Number(part) });
              }}
            >
              <option value="">All of them</option>
              {PARTS.map((name, part) => (
                <option key={name} value={part}>
                  {name}
                </option>
              ))}
              <option value={-1}>Last</option>
            </select>
          )}
        </Field>
      )}
      <Typed
        label="Other words for values"
        value={words}
        hint="yes = 10, no = 0, - ="
        change={(text) => {
          setWords(text);
          const values = wordsOf(text);
          change(without(said, "values", Object.keys(values).length ? values : undefined));
        }}
      />
      <Typed
        label="Where it is blank"
        value={said.default ?? ""}
        change={(text) => change(without(said, "default", text || undefined))}
      />
    </div>
  );
}

/** A field with something said about it, or no longer said. */
function without(said: FieldMapping, name: string, value: unknown): FieldMapping {
  const { [name]: _, ...rest } = said;
  return value === undefined ? rest : { ...rest, [name]: value };
}

const OPTIONS_MAX = 3;

/** How variants of one product differ. */
function Options({ columns, mapping, change }: Omit<ColumnsProps, "preview"> & WithColumns) {
  const options = mapping.options ?? [];
  const set = (place: number, said: OptionMapping): void => {
    const next = [...options];
    next.splice(place, 1, ...(said.value_column === "" && !said.name ? [] : [said]));
    change({ ...mapping, options: next });
  };
  if (mapping.fields.id === undefined && options.length === 0) return null;
  return (
    <fieldset className="preview-options">
      <legend>How the variants of a product differ</legend>
      {Array.from({ length: Math.min(options.length + 1, OPTIONS_MAX) }, (_, place) => place).map(
        (place) => {
          const said = options[place] ?? { name: "", value_column: "" };
          const cell = said.name_column;
          return (
            <div className="preview-fields" key={place}>
              {typeof cell === "string" ? (
                <p className="preview-said">Named by the column {cell}</p>
              ) : (
                <Typed
                  label={`Name of difference ${place + 1}`}
                  value={said.name ?? ""}
                  hint="Colour"
                  change={(name) => set(place, { ...said, name })}
                />
              )}
              <Field label={`Column of difference ${place + 1}`}>
                {(id) => (
                  <ColumnSelect
                    id={id}
                    columns={columns}
                    value={said.value_column}
                    change={(column) => set(place, { ...said, value_column: column })}
                  />
                )}
              </Field>
            </div>
          );
        },
      )}
    </fieldset>
  );
}

/** How numbers are read, and what the file as a whole means. */
function Ways({ mapping, change }: Omit<ColumnsProps, "preview">) {
  return (
    <div className="preview-fields">
      <Field label="Sign of the decimals">
        {(id) => (
          <select
            id={id}
            value={mapping.decimal ?? ""}
            onChange={(event) => {
              const { decimal: _, ...others } = mapping;
              const sign = event.target.value as "" | "." | ",";
              change(sign === "" ? { ...others } : { ...others, decimal: sign });
            }}
          >
            <option value="">As the amounts prove</option>
            <option value=".">Point: 12.50</option>
            <option value=",">Comma: 12,50</option>
          </select>
        )}
      </Field>
      <Field label="A wrong GTIN">
        {(id) => (
          <select
            id={id}
            value={mapping.gtin ?? "strict"}
            onChange={(event) =>
              change({ ...mapping, gtin: event.target.value as "strict" | "lenient" })
            }
          >
            <option value="strict">Keeps its row back</option>
            <option value="lenient">Is left out</option>
          </select>
        )}
      </Field>
      <Field label="What the file does not name">
        {(id) => (
          <select
            id={id}
            value={mapping.partial === false ? "full" : "partial"}
            onChange={(event) => change({ ...mapping, partial: event.target.value !== "full" })}
          >
            <option value="partial">Stays as it was</option>
            <option value="full">Is no longer offered</option>
          </select>
        )}
      </Field>
    </div>
  );
}

interface WithColumns {
  columns: readonly string[];
}

interface ColumnSelectProps extends WithColumns {
  id: string;
  value: string;
  change: (column: string) => void;
}

function ColumnSelect({ id, columns, value, change }: ColumnSelectProps) {
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

function Typed({ label, value, change, hint }: TypedProps) {
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
