/** What was promised and is not there: each is settled once, and then gone on every screen. */

import { type Choice, CODES, type ConflictDocument, ShopwireError } from "@shopwire/client";
import { useCommand, useTopic } from "@shopwire/client/react";
import { useState } from "react";
import { Announce, Cued } from "../shared/cue.tsx";
import { formatMoney } from "../shared/money.ts";
import { Failed, Notice } from "../shared/Notice.tsx";
import { Link, useTitle } from "../shared/router.tsx";
import { agoText, momentText, useNow } from "../shared/time.ts";
import { useOffline } from "../shared/useOffline.ts";
import { type Shortage, useOpenConflicts } from "./conflicts.ts";
import { TableSkeleton } from "./TableSkeleton.tsx";
import { nameOf, useSuppliers } from "./useSuppliers.ts";
import { conflictReason } from "./words.ts";

const NOW_MS = 1_000;

export function ConflictsPage() {
  useTitle("Conflicts · Shopwire console");
  const { list, shortages, open } = useOpenConflicts();
  return (
    <>
      <div className="page-head">
        <h1>Conflicts</h1>
        <p>
          Units that were promised and a supplier does not have. The shopper can choose too; whoever
          is first decides.
        </p>
      </div>
      <Announce text={openText(open)} />
      {list.error && list.items === null ? (
        <Failed error={list.error} retry={list.reload} />
      ) : list.items === null ? (
        <TableSkeleton rows={6} />
      ) : (
        <Shown shortages={shortages} />
      )}
      {list.next !== null && (
        <button type="button" className="button button-small" onClick={list.more}>
          Show older
        </button>
      )}
    </>
  );
}

export function openText(open: number): string {
  if (open === 0) return "Nothing is in question.";
  return open === 1 ? "One order is in question." : `${open} orders are in question.`;
}

function Shown({ shortages }: { shortages: readonly Shortage[] }) {
  const now = useNow(NOW_MS);
  if (shortages.length === 0) {
    return (
      <section className="panel" aria-label="Conflicts">
        <Notice title="Nothing is in question" icon="check">
          Every unit that was promised is there, as far as the suppliers have said.
        </Notice>
      </section>
    );
  }
  return (
    <>
      {shortages.map((one) => (
        <ShortagePanel key={one.key} shortage={one} now={now} />
      ))}
    </>
  );
}

function ShortagePanel({ shortage, now }: { shortage: Shortage; now: number }) {
  const suppliers = useSuppliers().data;
  const { sku, supplier, units, open, offers } = shortage;
  const stock = useTopic(`stock:${sku}`)?.doc;
  return (
    <section className="panel" aria-label={`${sku} at ${supplier}`} data-testid="shortage">
      <div className="panel-head">
        <h2>
          {open[0]?.title ?? sku}: {units} {units === 1 ? "unit" : "units"} short
        </h2>
        <span>
          <Link href={`/console/stock/${encodeURIComponent(sku)}`}>{sku}</Link>
        </span>
      </div>
      <div className="shortage-facts">
        <p>
          {nameOf(supplier, suppliers)} {conflictReason(shortage)}.
        </p>
        <p>
          <strong>Elsewhere</strong>{" "}
          <Cued value={stock?.available ?? null}>
            {stock ? `${stock.available} can be sold right now` : "nothing known"}
          </Cued>
          {offers.map((offer) => (
            <span key={offer.supplier} className="shortage-offer">
              {nameOf(offer.supplier, suppliers)} {formatMoney(offer.cost_minor, offer.currency)}
              {offer.lead_time_days !== null && `, ${offer.lead_time_days} days`}
            </span>
          ))}
        </p>
      </div>
      <ul className="conflicts">
        {open.map((conflict) => (
          <ConflictRow
            key={conflict.id}
            conflict={conflict}
            elsewhere={stock?.available ?? 0}
            now={now}
          />
        ))}
      </ul>
    </section>
  );
}

const LABELS: Readonly<Record<Choice, string>> = {
  wait: "Let it wait",
  replace: "Take it elsewhere",
  cancel: "Cancel and refund",
};

interface ConflictRowProps {
  conflict: ConflictDocument;
  /** Units that can be sold right now, by whichever supplier. */
  elsewhere: number;
  now: number;
}

function ConflictRow({ conflict, elsewhere, now }: ConflictRowProps) {
  const command = useCommand("orders.settle_conflict");
  const offline = useOffline();
  const [chosen, setChosen] = useState<Choice | null>(null);
  const blocked = offline || command.pending;
  const isOff = (choice: Choice): boolean =>
    blocked || (choice === "replace" && elsewhere < conflict.quantity);
  const settle = (choice: Choice): void => {
    if (isOff(choice)) return;
    setChosen(choice);
    const { id, sku, supplier } = conflict;
    void command.send({ conflict_id: id, sku, supplier, choice, by: "operator" });
  };
  return (
    <li data-testid="conflict-row" data-order={conflict.order_id}>
      <p className="conflict-who">
        <Link href={`/console/orders/${encodeURIComponent(conflict.order_id)}`}>
          {conflict.number}
        </Link>
        <span>
          {conflict.quantity} {conflict.quantity === 1 ? "unit" : "units"}
        </span>
        <time
          dateTime={new Date(conflict.opened_at_ms).toISOString()}
          title={momentText(conflict.opened_at_ms)}
        >
          {agoText(now - conflict.opened_at_ms)}
        </time>
      </p>
      <p className="conflict-choices">
        {conflict.choices.map((choice) => (
          <button
            key={choice}
            type="button"
            className="button button-small"
            data-testid={`settle-${choice}`}
            aria-disabled={isOff(choice)}
            title={!blocked && isOff(choice) ? "Nobody else has that many right now" : undefined}
            onClick={() => settle(choice)}
          >
            {command.pending && chosen === choice ? "One moment…" : LABELS[choice]}
          </button>
        ))}
      </p>
      <div role="alert" className="conflict-refused">
        {command.error && refusedText(command.error)}
      </div>
    </li>
  );
}

function refusedText(error: Error): string {
  if (error instanceof ShopwireError && error.code === CODES.ConflictSettled) {
    return "Somebody settled it a moment before you.";
  }
  if (error instanceof ShopwireError && error.code === CODES.StockShort) {
    return "No other supplier has it any more.";
  }
  return error.message;
}
