/** Which column is what: one column a field, several joined, or a part of one. */

import { useState } from "react";
import { useOffline } from "../shared/useOffline.ts";
import { ColumnSelect, Field, Typed } from "./MappingFields.tsx";
import { Options } from "./MappingOptions.tsx";
import { AlsoSaid, WhichRows } from "./MappingRows.tsx";
import {
  FIELDS,
  type FieldMapping,
  isShaped,
  JOINED_MAX,
  type Mapping,
  SELDOM,
  shownPlace,
  TAKEN,
  takenOf,
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
  const offline = useOffline();
  const [all, setAll] = useState(false);
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
      {preview.profile !== "" && mapping.fields.title === undefined && takenOf(mapping) === "" && (
        <p className="preview-hint" role="status">
          Without a title no row becomes an article. If the file only tells costs or units of
          articles that are known, say so below: What is taken of it.
        </p>
      )}
      <div className="preview-fields preview-columns">
        {FIELDS.filter(({ field }) => !SELDOM.has(field) || all || field in mapping.fields).map(
          ({ field, name }) => (
            <Column
              key={field}
              field={field}
              name={name}
              columns={preview.columns}
              mapping={mapping}
              change={change}
            />
          ),
        )}
      </div>
      {!all && (
        <p className="preview-hint">
          <button type="button" className="button button-small" onClick={() => setAll(true)}>
            Tags, sizes, weights and more
          </button>
        </p>
      )}
      <Options columns={preview.columns} mapping={mapping} change={change} />
      <WhichRows columns={preview.columns} mapping={mapping} change={change} />
      <Ways mapping={mapping} change={change} />
      <AlsoSaid mapping={mapping} />
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
  const place = shownPlace(said, columns);
  const [open, setOpen] = useState(() => isShaped(said));
  return (
    <div className="preview-column">
      <Field label={field === "sku" ? `${name} (needed)` : name}>
        {(id) => (
          <ColumnSelect
            id={id}
            columns={columns}
            value={said?.columns?.[place] ?? ""}
            change={(column) => change(withColumn(mapping, field, place, column))}
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
            shown={place}
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
  /** The place of the column that is chosen above. */
  shown: number;
  column: (place: number, column: string) => void;
  change: (said: FieldMapping) => void;
}

const PARTS = ["First", "Second", "Third", "Fourth", "Fifth"];

/** What is done with a field's columns, in the order in which it is done. */
function Shape({ columns, said, shown, column, change }: ShapeProps) {
  const taken = said.columns ?? [];
  const places = Array.from({ length: Math.max(1, taken.length) }, (_, place) => place);
  if (taken.length > 0 && taken.length < JOINED_MAX) places.push(taken.length);
  const [words, setWords] = useState(() => wordsText(said.values));
  const { only, ...parted } = said;
  return (
    <div className="preview-shape">
      {places.flatMap((place) =>
        place === shown
          ? []
          : [
              <Field key={place} label="And the column">
                {(id) => (
                  <ColumnSelect
                    id={id}
                    columns={columns}
                    value={taken[place] ?? ""}
                    change={(next) => column(place, next)}
                  />
                )}
              </Field>,
            ],
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

/** Units that cells leave out, offered where something is measured. */
const UNITS = [
  {
    key: "weight_unit",
    name: "Unit of weights",
    fields: ["weight"],
    units: ["g", "kg", "oz", "lb"],
  },
  {
    ...{ key: "length_unit", name: "Unit of sizes", units: ["mm", "cm", "m", "in"] },
    fields: ["length", "width", "height"],
  },
] as const;

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
      {UNITS.map(({ key, name, fields, units }) =>
        fields.some((field) => mapping.fields[field] !== undefined) ? (
          <Field key={key} label={name}>
            {(id) => (
              <select
                id={id}
                value={(mapping[key] as string | undefined) ?? ""}
                onChange={(event) => change({ ...mapping, [key]: event.target.value || undefined })}
              >
                <option value="">Each cell says it</option>
                {units.map((unit) => (
                  <option key={unit}>{unit}</option>
                ))}
              </select>
            )}
          </Field>
        ) : null,
      )}
      <Typed
        label="Currency of the whole file, whatever is said above"
        value={(mapping.currency as string | undefined) ?? ""}
        hint="none"
        change={(text) =>
          change({ ...mapping, currency: text.trim().toUpperCase().slice(0, 3) || undefined })
        }
      />
      <Field label="What is taken of it">
        {(id) => (
          <select
            id={id}
            value={takenOf(mapping)}
            onChange={(event) => {
              const taken = event.target.value;
              change({ ...mapping, brings: taken === "" ? undefined : taken.split(" ") });
            }}
          >
            {TAKEN.map(({ brings, name }) => (
              <option key={brings} value={brings}>
                {name}
              </option>
            ))}
            {!TAKEN.some(({ brings }) => brings === takenOf(mapping)) && (
              <option value={takenOf(mapping)}>As the mapping says</option>
            )}
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
