/** What a merchant weighs, and the rules besides: prefer, exclude, look at it first. */

import type { RoutingRule, RoutingRules, VersionConflict } from "@shopwire/client";
import { useCommand } from "@shopwire/client/react";
import { type FormEvent, useEffect, useId, useState } from "react";
import { useOffline } from "../shared/useOffline.ts";
import { ConflictWays } from "./ConflictWays.tsx";
import { ruleText } from "./routing.ts";
import {
  decimalText,
  EMPTY_RULE,
  type RuleDraft,
  ruleOf,
  WEIGHTS,
  type Weight,
  weightsOf,
} from "./routingForm.ts";
import { Field } from "./SupplierScores.tsx";
import { same } from "./together.ts";

interface FormProps {
  rules: RoutingRules;
  version: number;
  nameOf: (supplier: string) => string;
}

const REASONS: readonly { reason: RoutingRules["reroute"][number]; label: string }[] = [
  { reason: "refused", label: "refuses units" },
  { reason: "late", label: "does not answer in time" },
  { reason: "overpromised", label: "counts fewer than it sold" },
];
const ACTIONS: Readonly<Record<RoutingRule["action"], string>> = {
  prefer: "Prefer",
  exclude: "Exclude",
  review: "Look first",
};
/** How a rule of a kind begins, in a sentence. */
const BEGINS: Readonly<Record<RoutingRule["action"], string>> = {
  prefer: "prefer",
  exclude: "exclude",
  review: "look first at units of",
};

type Typed = Record<Weight, string>;

/**
 * The rules that the form was begun with, and what is typed over them. They follow what others put
 * while nothing is typed and nothing is to be decided; else what somebody types would be gone.
 */
function useDraft(live: RoutingRules, version: number, settled: boolean) {
  const [from, setFrom] = useState({ rules: live, version });
  const [typed, setTyped] = useState(() => typedOf(live));
  const begin = (rules: RoutingRules, at: number): void => {
    setFrom({ rules, version: at });
    setTyped(typedOf(rules));
  };
  const now = same(typed, typedOf(live));
  const untouched = now || same(typed, typedOf(from.rules));
  const follows = version !== from.version && untouched && settled;
  useEffect(() => {
    if (!follows) return;
    setFrom({ rules: live, version });
    setTyped(typedOf(live));
  }, [follows, live, version]);
  return { from, typed, setTyped, begin, isOld: version !== from.version && !follows };
}

export function RoutingRulesForm({ rules: live, version: newest, nameOf }: FormProps) {
  const command = useCommand("routing.put_rules");
  const offline = useOffline();
  const settled = command.error === null && !command.pending;
  const { from, typed, setTyped, begin, isOld } = useDraft(live, newest, settled);
  const { rules, version } = from;
  const [fault, setFault] = useState("");
  const [base, setBase] = useState<RoutingRules | null>(null);
  const blocked = offline || command.pending;
  const put = (changed: Partial<RoutingRules>): void => {
    if (blocked) return;
    setBase(rules);
    void command.send({ rules: { ...rules, ...changed }, expected_version: version });
  };
  /** These count, over what somebody else put meanwhile. */
  const over = ({ theirs, current }: VersionConflict, own: unknown): void => {
    setBase(theirs.rules as RoutingRules);
    setTyped(typedOf(own as RoutingRules));
    void command.send({ rules: own as RoutingRules, expected_version: current });
  };
  const save = (event: FormEvent): void => {
    event.preventDefault();
    const weights = weightsOf(typed);
    if (typeof weights === "string") {
      setFault(`${weights}: a number, please.`);
      return;
    }
    setFault("");
    put(weights);
  };
  const again = (reason: RoutingRules["reroute"][number], on: boolean): void =>
    put({
      reroute: REASONS.map((one) => one.reason).filter((one) =>
        one === reason ? on : rules.reroute.includes(one),
      ),
    });
  return (
    <div className="route-form">
      <RuleList rules={rules.rules} nameOf={nameOf} change={(own) => put({ rules: own })} />
      <AddRule add={(rule) => put({ rules: [...rules.rules, rule] })} blocked={blocked} />
      <fieldset>
        <legend>Look for another supplier by itself where one</legend>
        {REASONS.map(({ reason, label }) => (
          <label className="check" key={reason}>
            <input
              type="checkbox"
              checked={rules.reroute.includes(reason)}
              onChange={(event) => again(reason, event.target.checked)}
            />{" "}
            {label}
          </label>
        ))}
      </fieldset>
      <form onSubmit={save}>
        <fieldset>
          <legend>What is weighed</legend>
          <div className="route-grid">
            {WEIGHTS.map(({ name, label, hint, minor }) => (
              <Field
                key={name}
                label={label}
                hint={hint}
                value={typed[name]}
                inputMode={minor ? "decimal" : "numeric"}
                onChange={(text) => setTyped((was) => ({ ...was, [name]: text }))}
              />
            ))}
          </div>
        </fieldset>
        <p className="conflict-choices">
          <button type="submit" className="button" aria-disabled={blocked}>
            {command.pending ? "One moment…" : "Save weights"}
          </button>
        </p>
      </form>
      <p role="status" className="soft">
        {isOld &&
          settled &&
          "Somebody else has changed the rules meanwhile. Saving asks which count."}
      </p>
      <div role="alert" className="conflict-refused">
        {fault || (
          <ConflictWays
            problem={command.error}
            what="the rules"
            blocked={blocked}
            base={base}
            onMine={(conflict) => over(conflict, conflict.mine.rules)}
            onBoth={over}
            onTheirs={() => {
              command.reset();
              begin(live, newest);
            }}
          />
        )}
      </div>
    </div>
  );
}

/** The weights as they are typed. */
function typedOf(rules: RoutingRules): Typed {
  const texts = WEIGHTS.map(({ name, minor }) => [
    name,
    minor ? decimalText(rules[name]) : String(rules[name]),
  ]);
  return Object.fromEntries(texts) as Typed;
}

interface ListProps {
  rules: readonly RoutingRule[];
  nameOf: (supplier: string) => string;
  change: (rules: RoutingRule[]) => void;
}

function RuleList({ rules, nameOf, change }: ListProps) {
  if (rules.length === 0) return <p className="soft">No rules yet: only the total decides.</p>;
  return (
    <ul className="route-rules">
      {rules.map((rule) => (
        <li key={rule.name} data-testid="routing-rule">
          <span>
            <strong>{rule.name}</strong>: {BEGINS[rule.action]} {ruleText(rule, nameOf)}
          </span>
          <button
            type="button"
            className="button button-small"
            aria-label={`Remove the rule ${rule.name}`}
            onClick={() => change(rules.filter((one) => one !== rule))}
          >
            Remove
          </button>
        </li>
      ))}
    </ul>
  );
}

const FIELDS: readonly { name: Exclude<keyof RuleDraft, "action">; label: string; hint: string }[] =
  [
    { name: "name", label: "Name", hint: "for explanations" },
    { name: "suppliers", label: "Suppliers", hint: "ids, empty for any" },
    { name: "skus", label: "SKUs", hint: "empty for any" },
    { name: "categories", label: "Categories", hint: "empty for any" },
    { name: "countries", label: "Sent to", hint: "DE FR, empty for anywhere" },
    { name: "valueFrom", label: "Order from", hint: "empty for any" },
    { name: "valueTo", label: "Order up to", hint: "empty for any" },
    { name: "marginBelow", label: "Less is left than", hint: "empty for any" },
    { name: "bonus", label: "As if cheaper by", hint: "a unit, to prefer" },
  ];

function AddRule({ add, blocked }: { add: (rule: RoutingRule) => void; blocked: boolean }) {
  const [draft, setDraft] = useState(EMPTY_RULE);
  const [fault, setFault] = useState("");
  const action = useId();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const rule = ruleOf(draft);
    if (typeof rule === "string") {
      setFault(rule);
      return;
    }
    setFault("");
    if (!blocked) add(rule);
  };
  return (
    <details>
      <summary>Add a rule</summary>
      <form onSubmit={submit} className="route-form">
        <div className="route-grid">
          <div className="field">
            <label htmlFor={action}>What to do</label>
            <select
              id={action}
              value={draft.action}
              onChange={(event) =>
                setDraft((was) => ({
                  ...was,
                  action: event.target.value as RoutingRule["action"],
                }))
              }
            >
              {Object.entries(ACTIONS).map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          </div>
          {FIELDS.filter(({ name }) => name !== "bonus" || draft.action === "prefer").map(
            ({ name, label, hint }) => (
              <Field
                key={name}
                label={label}
                hint={hint}
                value={draft[name]}
                onChange={(text) => setDraft((was) => ({ ...was, [name]: text }))}
              />
            ),
          )}
        </div>
        <p className="conflict-choices">
          <button type="submit" className="button button-small" aria-disabled={blocked}>
            Add
          </button>
        </p>
        <div role="alert" className="conflict-refused">
          {fault}
        </div>
      </form>
    </details>
  );
}
