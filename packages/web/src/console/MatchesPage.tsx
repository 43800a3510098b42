/** Rows of feeds that nobody but a person can match: decided one by one, or many at once. */

import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { Announce } from "../shared/cue.tsx";
import { Failed, Notice } from "../shared/Notice.tsx";
import { useTitle } from "../shared/router.tsx";
import { MatchCard } from "./MatchCard.tsx";
import { MatchPolicies } from "./MatchPolicies.tsx";
import {
  type Choice,
  clearCandidate,
  keyOf,
  type Match,
  useDecide,
  useMatches,
  waitingText,
} from "./matches.ts";
import { TableSkeleton } from "./TableSkeleton.tsx";
import { nameOf, useSuppliers } from "./useSuppliers.ts";
import "../styles/matches.css";
import { useOffline } from "../shared/useOffline.ts";

export function MatchesPage() {
  useTitle("Matches · Shopwire console");
  const [supplier, setSupplier] = useState("");
  const list = useMatches(supplier);
  return (
    <>
      <div className="page-head">
        <h1>Matches</h1>
        <p>
          Rows of feeds that may be an article of the shop, or may not. Nothing of them is sold
          until you say what they are.
        </p>
      </div>
      <Announce text={list.waiting === null ? "" : waitingText(list.waiting)} />
      <Suppliers waiting={list.waiting ?? {}} supplier={supplier} choose={setSupplier} />
      {list.error && list.items === null ? (
        <Failed error={list.error} retry={list.reload} />
      ) : list.items === null ? (
        <TableSkeleton rows={4} />
      ) : list.items.length === 0 ? (
        <section className="panel" aria-label="Matches">
          <Notice title="No row waits" icon="check">
            A supplier whose SKUs are not the shop's is matched by GTIN and maker's number, once you
            say so below.
          </Notice>
        </section>
      ) : (
        <Queue items={list.items} />
      )}
      {list.next !== null && (
        <button type="button" className="button button-small" onClick={list.more}>
          Show more
        </button>
      )}
      <MatchPolicies />
    </>
  );
}

interface SuppliersProps {
  waiting: Readonly<Record<string, number>>;
  supplier: string;
  choose: (supplier: string) => void;
}

function Suppliers({ waiting, supplier, choose }: SuppliersProps) {
  const id = useId();
  const known = useSuppliers().data;
  const names = Object.keys(waiting).sort();
  if (names.length < 2 && supplier === "") return null;
  return (
    <p className="match-filter">
      <label htmlFor={id}>Supplier</label>
      <select id={id} value={supplier} onChange={(event) => choose(event.target.value)}>
        <option value="">All</option>
        {names.map((one) => (
          <option key={one} value={one}>
            {nameOf(one, known)} ({waiting[one]})
          </option>
        ))}
      </select>
    </p>
  );
}

function Queue({ items }: { items: readonly Match[] }) {
  const decide = useDecide();
  const suppliers = useSuppliers().data;
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [said, setSaid] = useState("");
  const host = useRef<HTMLOListElement>(null);
  const next = useRef<number | null>(null);
  const chosen = items.filter((one) => picked.has(keyOf(one)));
  // Where a row went away under the keyboard, the one that took its place gets it.
  useEffect(() => {
    if (next.current === null || host.current?.contains(document.activeElement)) return;
    const boxes = host.current?.querySelectorAll<HTMLElement>(".match-pick input") ?? [];
    boxes[Math.min(next.current, boxes.length - 1)]?.focus();
    next.current = null;
  });
  const pick = (match: Match, on: boolean): void => {
    const now = new Set(picked);
    if (on) now.add(keyOf(match));
    else now.delete(keyOf(match));
    setPicked(now);
  };
  const one = async (match: Match, choice: Choice): Promise<string | null> => {
    next.current = items.indexOf(match);
    const problem = await decide(match, choice);
    if (problem === null) setSaid(`${match.supplier_sku} is decided.`);
    return problem;
  };
  return (
    <>
      <Bulk
        items={items}
        chosen={chosen}
        pickAll={(on) => setPicked(new Set(on ? items.map(keyOf) : []))}
        decide={decide}
        done={(text) => {
          setPicked(new Set());
          setSaid(text);
        }}
      />
      <p className="visually-hidden" role="status">
        {said}
      </p>
      <ol className="matches" ref={host} onKeyDown={(event) => moveFocus(event, host.current)}>
        {items.map((match) => (
          <MatchCard
            key={keyOf(match)}
            match={match}
            supplier={nameOf(match.supplier, suppliers)}
            chosen={picked.has(keyOf(match))}
            choose={(on) => pick(match, on)}
            decide={(choice) => one(match, choice)}
          />
        ))}
      </ol>
    </>
  );
}

interface BulkProps {
  items: readonly Match[];
  chosen: readonly Match[];
  pickAll: (on: boolean) => void;
  decide: (match: Match, choice: Choice) => Promise<string | null>;
  done: (text: string) => void;
}

/** Many at once: only rows whose one candidate nothing speaks against are linked so. */
function Bulk({ items, chosen, pickAll, decide, done }: BulkProps) {
  const offline = useOffline();
  const [pending, setPending] = useState(false);
  const clear = chosen.filter((one) => clearCandidate(one) !== null);
  const blocked = offline || pending;
  const all = chosen.length === items.length;
  const send = async (matches: readonly Match[], choiceOf: (match: Match) => Choice) => {
    if (blocked || matches.length === 0) return;
    setPending(true);
    let refused = 0;
    for (const match of matches) {
      if ((await decide(match, choiceOf(match))) !== null) refused += 1;
    }
    setPending(false);
    done(`${matches.length - refused} decided${refused > 0 ? `, ${refused} refused` : ""}.`);
  };
  return (
    <fieldset className="match-bulk">
      <legend className="visually-hidden">Many at once</legend>
      <label className="match-pick">
        <input type="checkbox" checked={all} onChange={() => pickAll(!all)} />
        <span>All on this page</span>
      </label>
      <button
        type="button"
        className="button button-small"
        aria-disabled={blocked || clear.length === 0}
        onClick={() =>
          void send(clear, (match) => ({ kind: "link", sku: clearCandidate(match)?.sku ?? "" }))
        }
      >
        Link {clear.length} with one clear candidate
      </button>
      <button
        type="button"
        className="button button-small"
        aria-disabled={blocked || chosen.length === 0}
        onClick={() => void send(chosen, () => ({ kind: "ignore" }))}
      >
        {chosen.length} are not for us
      </button>
    </fieldset>
  );
}

/** Up and down go from row to row where the keyboard is on a row's own box. */
function moveFocus(event: KeyboardEvent, list: HTMLElement | null): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined || list === null) return;
  const boxes = [...list.querySelectorAll<HTMLElement>(".match-pick input")];
  const at = boxes.indexOf(document.activeElement as HTMLElement);
  if (at < 0) return;
  event.preventDefault();
  boxes[Math.min(boxes.length - 1, Math.max(0, at + step))]?.focus();
}
