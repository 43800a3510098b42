/** The rules as rows of words and numbers; the first that fits best decides. */

import type { ReactNode } from "react";
import { Icon } from "../../shared/icons.tsx";
import { Cell } from "./Cell.tsx";
import {
  type Draft,
  type Fault,
  type MarkupDraft,
  newMarkup,
  newRule,
  type RuleDraft,
} from "./draft.ts";

interface TableProps {
  draft: Draft;
  fault: Fault | null;
  change: (draft: Draft) => void;
}

type Told = (cell: string) => string | undefined;

export function RulesTable({ draft, fault, change }: TableProps) {
  const told =
    (row: number | null): Told =>
    (cell) =>
      fault !== null && fault.row === row && fault.cell === cell ? fault.message : undefined;
  return (
    <>
      <Everywhere draft={draft} told={told(null)} change={change} />
      <fieldset className="price-rows">
        <legend>Rules for some articles</legend>
        <p className="soft">
          Each price follows one rule: that of the highest priority, then the one that names SKUs,
          then categories, brands, suppliers, costs; of equals the upper one. An empty cell fits
          all, or is as for the whole shop.
        </p>
        {draft.rules.map((row, at) => (
          <RuleRow
            key={row.key}
            row={row}
            told={told(row.key)}
            change={(next) => change({ ...draft, rules: replaced(draft.rules, at, next) })}
            move={(by) => change({ ...draft, rules: moved(draft.rules, at, by) })}
            first={at === 0}
            last={at === draft.rules.length - 1}
          />
        ))}
        <Add onClick={() => change({ ...draft, rules: [...draft.rules, newRule()] })}>
          Add a rule
        </Add>
      </fieldset>
      <fieldset className="price-rows">
        <legend>All other articles, by cost</legend>
        {draft.markups.map((row, at) => (
          <MarkupRow
            key={row.key}
            row={row}
            told={told(row.key)}
            change={(next) => change({ ...draft, markups: replaced(draft.markups, at, next) })}
          />
        ))}
        <Add onClick={() => change({ ...draft, markups: [...draft.markups, newMarkup()] })}>
          Add a range
        </Add>
      </fieldset>
    </>
  );
}

function replaced<T>(rows: readonly T[], at: number, next: T | null): T[] {
  return rows.flatMap((row, place) => (place !== at ? [row] : next === null ? [] : [next]));
}

function moved<T>(rows: readonly T[], at: number, by: number): T[] {
  const after = [...rows];
  const [row] = after.splice(at, 1);
  if (row !== undefined) after.splice(at + by, 0, row);
  return after;
}

function Add({ onClick, children }: { onClick: () => void; children: ReactNode }) {
  return (
    <p>
      <button type="button" className="button button-small" onClick={onClick}>
        <Icon name="plus" size={16} /> {children}
      </button>
    </p>
  );
}

interface EverywhereProps {
  draft: Draft;
  told: Told;
  change: (draft: Draft) => void;
}

function Everywhere({ draft, told, change }: EverywhereProps) {
  const cell = (name: keyof Draft, label: string, hint: string) => (
    <Cell
      label={label}
      hint={hint}
      inputMode="decimal"
      value={draft[name] as string}
      fault={told(name)}
      change={(value) => change({ ...draft, [name]: value })}
    />
  );
  return (
    <fieldset className="price-rows">
      <legend>For the whole shop</legend>
      <div className="price-row">
        <Cell
          label="Currency"
          value={draft.currency}
          fault={told("currency")}
          change={(value) => change({ ...draft, currency: value.toUpperCase() })}
        />
        {cell("margin", "Least margin, %", "10")}
        {cell("ending", "Prices end with", "as computed")}
        {cell("shipping", "Shipping a unit", "none")}
        {cell("fee", "Fee a unit", "none")}
        {cell("feeShare", "Fee of the price, %", "none")}
        {cell("compareAt", "Struck-through price, times", "none")}
      </div>
      <label className="check">
        <input
          type="checkbox"
          checked={draft.keepMap}
          onChange={(event) => change({ ...draft, keepMap: event.target.checked })}
        />{" "}
        Never below what a supplier demands as the least advertised price
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={draft.msrp}
          onChange={(event) => change({ ...draft, msrp: event.target.checked })}
        />{" "}
        Show the maker's suggested price beside a lower one
      </label>
    </fieldset>
  );
}

interface RuleRowProps {
  row: RuleDraft;
  told: Told;
  change: (row: RuleDraft | null) => void;
  move: (by: -1 | 1) => void;
  first: boolean;
  last: boolean;
}

function RuleRow({ row, told, change, move, first, last }: RuleRowProps) {
  const cell = (
    name: Exclude<keyof RuleDraft, "key" | "kept">,
    label: string,
    hint: string,
    wide = false,
  ) => (
    <Cell
      label={label}
      hint={hint}
      wide={wide}
      inputMode={wide ? "text" : "decimal"}
      value={row[name]}
      fault={told(name)}
      change={(value) => change({ ...row, [name]: value })}
    />
  );
  const named = row.name === "" ? "this rule" : `the rule ${row.name}`;
  return (
    <fieldset className="price-row" data-testid="price-rule" aria-label={named}>
      {cell("name", "Name", "Lamps", true)}
      {cell("categories", "Categories", "any", true)}
      {cell("brands", "Brands", "any", true)}
      {cell("suppliers", "Suppliers", "any", true)}
      {cell("skus", "SKUs", "any", true)}
      {cell("costFrom", "Cost from", "any")}
      {cell("costBelow", "Cost below", "any")}
      {cell("times", "Cost times", "2")}
      {cell("plus", "Plus", "none")}
      {cell("margin", "Least margin, %", "the shop's")}
      {cell("ending", "Ends with", "the shop's")}
      {cell("priority", "Priority", "0")}
      <p className="price-tools">
        <button
          type="button"
          className="icon-button"
          aria-label={`Move ${named} up`}
          aria-disabled={first}
          onClick={() => !first && move(-1)}
        >
          <Icon name="up" size={16} />
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label={`Move ${named} down`}
          aria-disabled={last}
          onClick={() => !last && move(1)}
        >
          <Icon name="down" size={16} />
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label={`Remove ${named}`}
          onClick={() => change(null)}
        >
          <Icon name="close" size={16} />
        </button>
      </p>
    </fieldset>
  );
}

interface MarkupRowProps {
  row: MarkupDraft;
  told: Told;
  change: (row: MarkupDraft | null) => void;
}

function MarkupRow({ row, told, change }: MarkupRowProps) {
  const cell = (name: "costFrom" | "times" | "plus", label: string, hint: string) => (
    <Cell
      label={label}
      hint={hint}
      inputMode="decimal"
      value={row[name]}
      fault={told(name)}
      change={(value) => change({ ...row, [name]: value })}
    />
  );
  return (
    <fieldset className="price-row" aria-label={`Costs from ${row.costFrom || "0"}`}>
      {cell("costFrom", "Cost from", "0")}
      {cell("times", "Cost times", "2")}
      {cell("plus", "Plus", "none")}
      <p className="price-tools" data-alone>
        <button
          type="button"
          className="icon-button"
          aria-label={`Remove costs from ${row.costFrom || "0"}`}
          onClick={() => change(null)}
        >
          <Icon name="close" size={16} />
        </button>
      </p>
    </fieldset>
  );
}
