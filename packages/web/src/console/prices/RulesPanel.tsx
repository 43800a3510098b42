/** The price rules: edited as rows, looked at before they hold, put, and put back. */

import type { VersionConflict } from "@shopwire/client";
import { useCommand, useTopic } from "@shopwire/client/react";
import { useEffect, useState } from "react";
import { ApiError } from "../../shared/api.ts";
import { Announce } from "../../shared/cue.tsx";
import { useOffline } from "../../shared/useOffline.ts";
import { ConflictWays } from "../ConflictWays.tsx";
import { draftOf, Fault, rulesOf } from "./draft.ts";
import { PreviewPanel } from "./PreviewPanel.tsx";
import { postJson } from "./post.ts";
import { RulesTable } from "./RulesTable.tsx";
import type { Preview, PriceRules, RulesRead } from "./types.ts";

interface RulesPanelProps {
  read: RulesRead;
  /** Called when other rules hold: they are read again. */
  changed: () => void;
}

interface Newer {
  /** The version that somebody else put while there is something typed here. */
  readonly version: number | null;
  readonly goOn: () => void;
}

/** A draft to be compared: rows' keys are of this page alone. */
function textOf(draft: ReturnType<typeof draftOf>): string {
  return JSON.stringify(draft, (name, value: unknown) => (name === "key" ? undefined : value));
}

/** Follows the rules as they are put: read again where nothing is typed, else told. */
function useNewer(
  read: RulesRead,
  draft: ReturnType<typeof draftOf>,
  isOwn: boolean,
  changed: () => void,
): Newer {
  const live = useTopic("rules:default")?.v ?? 0;
  const [seen, setSeen] = useState(0);
  const typed = textOf(draft) !== textOf(draftOf(read.rules));
  const isNew = live > read.version && !isOwn;
  useEffect(() => {
    if (isNew && !typed) changed();
  }, [isNew, typed, changed]);
  return { version: isNew && typed && live > seen ? live : null, goOn: () => setSeen(live) };
}

interface Looked {
  readonly rules: PriceRules;
  readonly preview: Preview;
}

export function RulesPanel({ read, changed }: RulesPanelProps) {
  const put = useCommand("pricing.put_rules");
  const undo = useCommand("pricing.undo_rules");
  const offline = useOffline();
  const [draft, setDraft] = useState(() => draftOf(read.rules));
  const [fault, setFault] = useState<Fault | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [looked, setLooked] = useState<Looked | null>(null);
  const [looking, setLooking] = useState(false);
  const blocked = offline || put.pending || undo.pending || looking;
  const error = put.error ?? undo.error;
  // What was just sent from here comes back as news, too.
  const [sent, setSent] = useState(false);
  const [base, setBase] = useState<PriceRules | null>(null);
  const newer = useNewer(read, draft, sent && error === null, changed);

  const meant = (): PriceRules | null => {
    try {
      const rules = rulesOf(draft);
      setFault(null);
      return rules;
    } catch (found) {
      if (!(found instanceof Fault)) throw found;
      setFault(found);
      return null;
    }
  };
  const look = async (): Promise<void> => {
    const rules = meant();
    if (blocked || rules === null) return;
    setLooking(true);
    setProblem(null);
    try {
      const preview = await postJson<Preview>("/api/prices/preview", { rules });
      setLooked({ rules, preview });
    } catch (found) {
      if (!(found instanceof ApiError)) throw found;
      setProblem(found.message);
    } finally {
      setLooking(false);
    }
  };
  const apply = async (): Promise<void> => {
    if (blocked || looked === null) return;
    const { rules } = looked;
    setSent(true);
    setBase(read.rules);
    const done = await put.send({ rules, expected_version: read.version });
    if (done !== null) changed();
  };
  const back = async (): Promise<void> => {
    if (blocked || read.undo_to === null) return;
    setSent(true);
    setBase(null);
    const done = await undo.send({ to_version: read.undo_to, expected_version: read.version });
    if (done !== null) changed();
  };
  /** These count, over what somebody else put meanwhile. */
  const over = async ({ theirs, current }: VersionConflict, rules: unknown): Promise<void> => {
    undo.reset();
    setBase(theirs.rules as PriceRules);
    const done = await put.send({ rules: rules as PriceRules, expected_version: current });
    if (done !== null) changed();
  };
  return (
    <>
      <section className="panel" aria-labelledby="rules">
        <div className="panel-head">
          <h2 id="rules">Rules</h2>
          <span data-testid="rules-version">
            {read.version === 0 ? "as shipped" : `version ${read.version}`}
          </span>
        </div>
        {newer.version !== null && (
          <div className="price-newer" role="alert" data-testid="rules-newer">
            <p>Somebody else has just put version {newer.version} of the rules.</p>
            <button type="button" className="button button-small" onClick={changed}>
              Take theirs
            </button>
            <button type="button" className="button button-small" onClick={newer.goOn}>
              Go on with mine
            </button>
          </div>
        )}
        <form
          className="price-form"
          onSubmit={(event) => {
            event.preventDefault();
            void look();
          }}
        >
          <RulesTable
            draft={draft}
            fault={fault}
            change={(next) => {
              setDraft(next);
              setLooked(null);
            }}
          />
          <p className="price-actions">
            <button type="submit" className="button button-main" aria-disabled={blocked}>
              {looking ? "One moment…" : "See what it would do"}
            </button>
            <button
              type="button"
              className="button"
              aria-disabled={blocked || looked === null}
              title={looked === null ? "See what it would do first" : undefined}
              data-testid="apply-rules"
              onClick={() => void apply()}
            >
              {put.pending ? "One moment…" : "Apply"}
            </button>
            {read.undo_to !== null && (
              <button
                type="button"
                className="button"
                aria-disabled={blocked}
                data-testid="undo-rules"
                onClick={() => void back()}
              >
                {undo.pending ? "One moment…" : `Back to version ${read.undo_to}`}
              </button>
            )}
          </p>
          <div role="alert" className="price-fault">
            {fault
              ? "One cell needs another look."
              : (problem ?? (
                  <ConflictWays
                    problem={error}
                    what="the rules"
                    blocked={blocked}
                    base={base}
                    onMine={(conflict) => void over(conflict, conflict.mine.rules)}
                    onBoth={(conflict, both) => void over(conflict, both)}
                    onTheirs={({ theirs }) => {
                      put.reset();
                      undo.reset();
                      setDraft(draftOf(theirs.rules as PriceRules));
                      setLooked(null);
                      changed();
                    }}
                  />
                ))}
          </div>
        </form>
      </section>
      <Announce text={looked ? `${looked.preview.changed} prices would change.` : ""} />
      {looked && <PreviewPanel preview={looked.preview} />}
    </>
  );
}
