/** How the shop chooses suppliers: orders that wait, how suppliers keep their word, the rules. */

import type { RouteDocument, RoutingRules, ScoreDocument, TermsDocument } from "@shopwire/client";
import { useCommand, useTopic, useTopics } from "@shopwire/client/react";
import { useEffect } from "react";
import { getJson } from "../shared/api.ts";
import { Announce } from "../shared/cue.tsx";
import type { Entry } from "../shared/documents.ts";
import { formatMoney } from "../shared/money.ts";
import { Failed, Notice } from "../shared/Notice.tsx";
import { useRemote } from "../shared/remote.ts";
import { Link, useTitle } from "../shared/router.tsx";
import { agoText, momentText, useNow } from "../shared/time.ts";
import { RoutingRulesForm } from "./RoutingRulesForm.tsx";
import { reviewText, sendsText } from "./routing.ts";
import { SupplierScores } from "./SupplierScores.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import { nameOf, useSuppliers } from "./useSuppliers.ts";
import "../styles/routing.css";
import { useOffline } from "../shared/useOffline.ts";

const NOW_MS = 1_000;

interface WaitingEntry extends Entry<RouteDocument> {
  readonly number: string;
}

export interface Scored {
  readonly id: string;
  readonly name: string;
  readonly score: ScoreDocument | null;
  readonly terms: TermsDocument | null;
}

export interface Scores {
  readonly items: readonly Scored[];
  /** Score of a supplier of whom nothing is known. */
  readonly unknown: number;
  readonly prior: number;
  readonly prior_weight: number;
  readonly weights: Readonly<Record<string, number>>;
}

export function RoutingPage() {
  useTitle("Routing · Shopwire console");
  const suppliers = useSuppliers().data;
  const named = (supplier: string): string => nameOf(supplier, suppliers);
  return (
    <>
      <div className="page-head">
        <h1>Routing</h1>
        <p>
          Which supplier sends what. The least total of cost, shipping and what you weigh besides
          decides; every order keeps why.
        </p>
      </div>
      <div className="stack">
        <WaitingOrders nameOf={named} />
        <ScoresPanel />
        <RulesPanel nameOf={named} />
      </div>
    </>
  );
}

function WaitingOrders({ nameOf: named }: { nameOf: (supplier: string) => string }) {
  const { data, error, reload } = useRemote("/api/routing/waiting", (path, signal) =>
    getJson<{ items: readonly WaitingEntry[] }>(path, signal),
  );
  const moved = useTopic("ops:orders")?.v ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: orders moved, so others may wait now.
  useEffect(() => reload(), [moved]);
  const live = useTopics(data?.items.map(({ doc }) => `route:${doc.order_id}` as const) ?? []);
  const waiting =
    data?.items
      .map((one, at) => ({ ...one, doc: live[at]?.doc ?? one.doc }))
      .filter(({ doc }) => doc.state === "waiting") ?? null;
  const count = waiting?.length ?? 0;
  return (
    <section className="panel" aria-labelledby="waiting">
      <div className="panel-head">
        <h2 id="waiting">Orders that wait for you</h2>
        <span>{count}</span>
      </div>
      <Announce text={count === 1 ? "One order waits." : `${count} orders wait.`} />
      {error && waiting === null ? (
        <Failed error={error} retry={reload} />
      ) : waiting === null ? (
        <TableSkeleton rows={2} />
      ) : count === 0 ? (
        <Notice title="Nothing waits" icon="check">
          Orders that a rule wants looked at appear here before their purchase orders leave.
        </Notice>
      ) : (
        <ul className="conflicts">
          {waiting.map((one) => (
            <WaitingRow key={one.topic} entry={one} nameOf={named} />
          ))}
        </ul>
      )}
    </section>
  );
}

interface RowProps {
  entry: WaitingEntry;
  nameOf: (supplier: string) => string;
}

function WaitingRow({ entry, nameOf: named }: RowProps) {
  const { doc, number } = entry;
  const command = useCommand("routing.release_route");
  const offline = useOffline();
  const now = useNow(NOW_MS);
  const blocked = offline || command.pending;
  return (
    <li data-testid="waiting-row" data-order={doc.order_id}>
      <p className="conflict-who">
        <Link href={`/console/orders/${encodeURIComponent(doc.order_id)}`}>{number}</Link>
        <span>profit {formatMoney(doc.choice.sums.profit_minor, doc.currency)}</span>
        <time
          dateTime={new Date(doc.chosen_at_ms).toISOString()}
          title={momentText(doc.chosen_at_ms)}
        >
          {agoText(now - doc.chosen_at_ms)}
        </time>
      </p>
      <p>
        {sendsText(doc.choice.picks, named).join("; ")}.{" "}
        <span className="warn-text">{(doc.choice.reviews ?? []).map(reviewText).join(" ")}</span>
      </p>
      <p className="conflict-choices">
        <button
          type="button"
          className="button button-small"
          aria-disabled={blocked}
          onClick={() => {
            if (!blocked) void command.send({ order_id: doc.order_id });
          }}
        >
          {command.pending ? "One moment…" : "Let it go"}
        </button>
        <Link
          className="button button-small"
          href={`/console/orders/${encodeURIComponent(doc.order_id)}`}
        >
          Choose others
        </Link>
      </p>
      <div role="alert" className="conflict-refused">
        {command.error?.message}
      </div>
    </li>
  );
}

function ScoresPanel() {
  const { data, error, reload } = useRemote("/api/routing/scores", (path, signal) =>
    getJson<Scores>(path, signal),
  );
  return (
    <section className="panel" aria-labelledby="scores">
      <div className="panel-head">
        <h2 id="scores">How suppliers keep their word</h2>
        {data && <span>unknown ones count as {data.unknown}</span>}
      </div>
      {error && data === null ? (
        <Failed error={error} retry={reload} />
      ) : data === null ? (
        <TableSkeleton rows={4} />
      ) : (
        <SupplierScores scores={data} />
      )}
    </section>
  );
}

function RulesPanel({ nameOf: named }: { nameOf: (supplier: string) => string }) {
  const { data, error, reload } = useRemote("/api/routing/rules", (path, signal) =>
    getJson<{ version: number; rules: RoutingRules }>(path, signal),
  );
  const live = useTopic("routing:default");
  const rules = live?.doc?.rules ?? data?.rules;
  const version = Math.max(live?.v ?? 0, data?.version ?? 0);
  return (
    <section className="panel" aria-labelledby="rules">
      <div className="panel-head">
        <h2 id="rules">Rules</h2>
        <span>{version === 0 ? "as shipped" : `version ${version}`}</span>
      </div>
      {error && !rules ? (
        <Failed error={error} retry={reload} />
      ) : rules ? (
        <RoutingRulesForm rules={rules} version={version} nameOf={named} />
      ) : (
        <TableSkeleton rows={4} />
      )}
    </section>
  );
}
