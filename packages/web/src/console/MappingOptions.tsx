/** How the variants of one product differ, and which rows belong together. */

import { useState } from "react";
import { ColumnSelect, Field, Typed, type WithColumns } from "./MappingFields.tsx";
import type { Mapping, OptionMapping } from "./mapping.ts";

/** Differences that the form offers; a mapping that has more of them shows all. */
const OPTIONS_MAX = 3;

interface OptionsProps extends WithColumns {
  mapping: Mapping;
  change: (mapping: Mapping) => void;
}

export function Options({ columns, mapping, change }: OptionsProps) {
  const options = mapping.options ?? [];
  const set = (place: number, said: OptionMapping): void => {
    const next = [...options];
    const empty = said.value_column === "" && !said.name && !said.name_column;
    next.splice(place, 1, ...(empty ? [] : [said]));
    change({ ...mapping, options: next });
  };
  if (mapping.fields.id === undefined && !mapping.group_by && options.length === 0) return null;
  const count = Math.max(options.length, Math.min(options.length + 1, OPTIONS_MAX));
  return (
    <fieldset className="preview-options">
      <legend>How the variants of a product differ</legend>
      {Array.from({ length: count }, (_, place) => place).map((place) => (
        <Option
          key={place}
          place={place}
          said={options[place] ?? { value_column: "" }}
          columns={columns}
          change={(said) => set(place, said)}
        />
      ))}
      <div className="preview-fields">
        <Field label="A row belongs to the product above where this is blank">
          {(id) => (
            <ColumnSelect
              id={id}
              columns={columns}
              value={(mapping.group_by as string | undefined) ?? ""}
              change={(column) => change({ ...mapping, group_by: column || undefined })}
            />
          )}
        </Field>
      </div>
    </fieldset>
  );
}

interface OptionProps extends WithColumns {
  place: number;
  said: OptionMapping;
  change: (said: OptionMapping) => void;
}

/** One difference: its name is always the same, or stands in a cell; its value stands in one. */
function Option({ place, said, columns, change }: OptionProps) {
  const [celled, setCelled] = useState(said.name_column !== undefined);
  const byCell = celled || said.name_column !== undefined;
  const which = place + 1;
  const { name, name_column, split, ...rest } = said;
  const divided = split === undefined ? {} : { split };
  return (
    <div className="preview-fields">
      <Field label={`Name of difference ${which}`}>
        {(id) => (
          <select
            id={id}
            value={byCell ? "cell" : "text"}
            onChange={(event) => {
              setCelled(event.target.value === "cell");
              change({ ...rest, ...divided });
            }}
          >
            <option value="text">Is always the same</option>
            <option value="cell">Stands in a column</option>
          </select>
        )}
      </Field>
      {byCell ? (
        <Field label={`Column with the name of difference ${which}`}>
          {(id) => (
            <ColumnSelect
              id={id}
              columns={columns}
              value={name_column ?? ""}
              change={(column) =>
                change({ ...rest, ...divided, ...(column === "" ? {} : { name_column: column }) })
              }
            />
          )}
        </Field>
      ) : (
        <Typed
          label={`Its name, for difference ${which}`}
          value={name ?? ""}
          hint="Colour"
          change={(text) => change({ ...rest, ...divided, ...(text === "" ? {} : { name: text }) })}
        />
      )}
      <Field label={`Column with the value of difference ${which}`}>
        {(id) => (
          <ColumnSelect
            id={id}
            columns={columns}
            value={said.value_column}
            change={(column) => change({ ...said, value_column: column })}
          />
        )}
      </Field>
      {byCell && (
        <Typed
          label={`Both cells of difference ${which} hold several, apart by`}
          value={split ?? ""}
          hint="such as |"
          change={(text) => {
            const { split: _, ...whole } = said;
            change(text === "" ? whole : { ...whole, split: text });
          }}
        />
      )}
    </div>
  );
}
