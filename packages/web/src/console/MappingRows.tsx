/** Which rows of the file count, and what a mapping says beyond the form. */

import { useState } from "react";
import { ColumnSelect, Field, Typed, type WithColumns } from "./MappingFields.tsx";
import type { Mapping } from "./mapping.ts";
import { keptWords } from "./mappingKept.ts";
import {
  type Condition,
  conditionOf,
  conditionsOf,
  conditionText,
  ROWS_KINDS,
  type RowRule,
  type RowsKind,
  ruleOf,
  TESTS,
  type Test,
  withCondition,
} from "./mappingRows.ts";

interface RowsProps extends WithColumns {
  mapping: Mapping;
  change: (mapping: Mapping) => void;
}

export function WhichRows({ columns, mapping, change }: RowsProps) {
  const said = ROWS_KINDS.flatMap(({ kind, name }) =>
    conditionsOf(mapping, kind).map((condition, place) => ({ kind, name, condition, place })),
  );
  return (
    <fieldset className="preview-options">
      <legend>Which rows count</legend>
      {said.length === 0 && <p className="preview-said">All of them.</p>}
      {said.map(({ kind, name, condition, place }) => (
        <Rule
          // One more or less is another list: what was typed belongs to its own rule.
          key={`${kind}-${place}-${said.length}`}
          name={name}
          condition={condition}
          columns={columns}
          change={(next) => change(withCondition(mapping, kind, place, next))}
        />
      ))}
      <NewRule columns={columns} mapping={mapping} change={change} />
    </fieldset>
  );
}

interface RuleProps extends WithColumns {
  name: string;
  condition: Condition;
  change: (said: Condition | null) => void;
}

/** A condition that is there; while what is typed says nothing yet, the last one holds. */
function Rule({ name, condition, columns, change }: RuleProps) {
  const [rule, setRule] = useState(() => ruleOf(condition));
  const text = `${name} ${conditionText(condition)}`;
  const set = (next: RowRule): void => {
    setRule(next);
    const said = conditionOf(next);
    if (said !== null) change(said);
  };
  return (
    <div className={rule === null ? "preview-rule" : "preview-fields"}>
      {rule === null ? (
        <p className="preview-said">{text}. It stays as it is.</p>
      ) : (
        <Tested name={name} rule={rule} columns={columns} change={set} />
      )}
      <button type="button" className="button button-small" onClick={() => change(null)}>
        Remove<span className="visually-hidden"> the rule: {text}</span>
      </button>
    </div>
  );
}

function NewRule({ columns, mapping, change }: RowsProps) {
  const [kind, setKind] = useState<RowsKind>("skip_when");
  const [rule, setRule] = useState<RowRule>({ column: "", test: "one_of", text: "" });
  const said = conditionOf(rule);
  const add = (): void => {
    if (said === null) return;
    change(withCondition(mapping, kind, conditionsOf(mapping, kind).length, said));
    setRule({ column: "", test: "one_of", text: "" });
  };
  return (
    <div className="preview-fields">
      <Field label="One more rule">
        {(id) => (
          <select
            id={id}
            value={kind}
            onChange={(event) => setKind(event.target.value as RowsKind)}
          >
            {ROWS_KINDS.map((one) => (
              <option key={one.kind} value={one.kind}>
                {one.name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Tested name="The column" rule={rule} columns={columns} change={setRule} />
      <button
        type="button"
        className="button button-small"
        aria-disabled={said === null}
        onClick={add}
      >
        Add this rule
      </button>
    </div>
  );
}

interface TestedProps extends WithColumns {
  name: string;
  rule: RowRule;
  change: (rule: RowRule) => void;
}

function Tested({ name, rule, columns, change }: TestedProps) {
  const asks = rule.test !== "blank" && rule.test !== "filled";
  return (
    <>
      <Field label={name}>
        {(id) => (
          <ColumnSelect
            id={id}
            columns={columns}
            value={rule.column}
            change={(column) => change({ ...rule, column })}
          />
        )}
      </Field>
      <Field label="The cell">
        {(id) => (
          <select
            id={id}
            value={rule.test}
            onChange={(event) => change({ ...rule, test: event.target.value as Test })}
          >
            {TESTS.map((one) => (
              <option key={one.test} value={one.test}>
                {one.name}
              </option>
            ))}
          </select>
        )}
      </Field>
      {asks && (
        <Typed
          label={rule.test === "one_of" ? "Words, with commas between" : "This text, case matters"}
          value={rule.text}
          {...(rule.test === "one_of" ? { hint: "discontinued, sold out" } : {})}
          change={(text) => change({ ...rule, text })}
        />
      )}
    </>
  );
}

/** What stays unseen by the form, so that nobody wonders why a row is read as it is. */
export function AlsoSaid({ mapping }: { mapping: Mapping }) {
  const said = keptWords(mapping);
  if (said.length === 0) return null;
  return (
    <details className="preview-also">
      <summary>What else this mapping says ({said.length}); it stays as it is</summary>
      <ul className="preview-notes">
        {said.map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
    </details>
  );
}
