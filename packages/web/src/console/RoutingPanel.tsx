/** Why an order's units come from these suppliers, and what a person can change. */

import type { RouteChoice, RouteDocument, RouteSums } from "@shopwire/client";
import { useCommand, useTopic } from "@shopwire/client/react";
import { type FormEvent, useId, useState } from "react";
import { Cued } from "../shared/cue.tsx";
import { Icon } from "../shared/icons.tsx";
import { formatMoney } from "../shared/money.ts";
import {
  alternativeText,
  leftOutText,
  leftText,
  moveText,
  otherwiseText,
  reasonText,
  reviewText,
  sendsText,
  weighedText,
} from "./routing.ts";
import { Scroll } from "./Scroll.tsx";
import "../styles/routing.css";
import { useOffline } from "../shared/useOffline.ts";

interface PanelProps {
  id: string;
  nameOf: (supplier: string) => string;
}

export function RoutingPanel({ id, nameOf }: PanelProps) {
  const route = useTopic(`route:${id}`)?.doc;
  if (!route) return null;
  const { choice, currency } = route;
  const otherwise = otherwiseText(route, nameOf);
  return (
    <section className="panel" aria-labelledby="routing" data-testid="routing">
      <div className="panel-head">
        <h2 id="routing">Why these suppliers</h2>
        <span>
          Profit{" "}
          <Cued value={choice.sums.profit_minor}>
            <strong>{formatMoney(choice.sums.profit_minor, currency)}</strong>
          </Cued>
        </span>
      </div>
      {route.state === "waiting" && <Waiting route={route} />}
      <div className="route-words">
        <p>{sendsText(choice.picks, nameOf).join("; ")}.</p>
        <p className="soft">{reasonText(choice, currency, nameOf)}</p>
        {otherwise.length > 0 && (
          <p className="warn-text">Other than chosen: {otherwise.join(", ")}.</p>
        )}
        {route.moves.map((move) => (
          <p key={move.conflict_id} data-testid="route-move">
            {moveText(move, currency, nameOf)}
          </p>
        ))}
        {route.left.map((left) => (
          <p key={left.conflict_id} className="warn-text">
            {leftText(left, currency, nameOf)}
          </p>
        ))}
        {route.note !== "" && <p className="soft">Let go: {route.note}</p>}
      </div>
      <Ways choice={choice} currency={currency} nameOf={nameOf} />
      {route.state === "waiting" && <Elsewhere route={route} nameOf={nameOf} />}
      <Details choice={choice} currency={currency} nameOf={nameOf} />
    </section>
  );
}

function Waiting({ route }: { route: RouteDocument }) {
  const command = useCommand("routing.release_route");
  const offline = useOffline();
  const [note, setNote] = useState("");
  const field = useId();
  const blocked = offline || command.pending;
  const release = (event: FormEvent): void => {
    event.preventDefault();
    if (!blocked) void command.send({ order_id: route.order_id, note: note.trim() });
  };
  return (
    <form className="route-waiting" onSubmit={release} data-testid="route-waiting">
      <p className="banner banner-warm" role="status">
        <Icon name="clock" />
        <span>
          Its purchase orders wait for you. {(route.choice.reviews ?? []).map(reviewText).join(" ")}
        </span>
      </p>
      <div className="route-release">
        <div className="field">
          <label htmlFor={field}>
            Why it may go <span className="soft">if you like</span>
          </label>
          <input
            id={field}
            value={note}
            maxLength={500}
            onChange={(event) => setNote(event.target.value)}
          />
        </div>
        <button type="submit" className="button" aria-disabled={blocked}>
          {command.pending ? "One moment…" : "Let it go"}
        </button>
      </div>
      <div role="alert" className="conflict-refused">
        {command.error?.message}
      </div>
    </form>
  );
}

interface ChoiceProps {
  choice: RouteChoice;
  currency: string;
  nameOf: (supplier: string) => string;
}

/** The choice and its alternatives beside one another. */
function Ways({ choice, currency, nameOf }: ChoiceProps) {
  const ways = [
    { name: "Chosen", picks: choice.picks, sums: choice.sums },
    ...(choice.alternatives ?? []).map((one) => ({
      name: `Best ${alternativeText(one, nameOf)}`,
      picks: one.picks,
      sums: one.sums,
    })),
  ];
  const most = Math.max(1, ...ways.map(({ sums }) => sums.total_minor));
  return (
    <Scroll label="Ways to send it">
      <table className="data route-ways">
        <thead>
          <tr>
            <th scope="col">Way</th>
            <th scope="col" className="number">
              Total
            </th>
            <th scope="col" className="number">
              Profit
            </th>
            <th scope="col" className="number">
              Cost
            </th>
            <th scope="col" className="number">
              Shipping
            </th>
            <th scope="col" className="number">
              Weights
            </th>
          </tr>
        </thead>
        <tbody>
          {ways.map(({ name, picks, sums }) => (
            <tr key={name} data-testid="route-way">
              <th scope="row">
                {name}
                <span className="data-sub">{sendsText(picks, nameOf).join("; ")}</span>
                <Bar sums={sums} most={most} />
              </th>
              <td className="number strong">{formatMoney(sums.total_minor, currency)}</td>
              <td className="number" data-bad={sums.profit_minor < 0 || undefined}>
                {formatMoney(sums.profit_minor, currency)}
              </td>
              <td className="number">{formatMoney(sums.cost_minor, currency)}</td>
              <td className="number">{formatMoney(sums.shipping_minor, currency)}</td>
              <td className="number">{formatMoney(sums.weights_minor, currency)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** The parts of a total beside those of the largest; the numbers of the row say the same. */
function Bar({ sums, most }: { sums: RouteSums; most: number }) {
  const share = (minor: number): string => `${(100 * Math.max(0, minor)) / most}%`;
  return (
    <span className="route-bar" aria-hidden="true">
      <span style={{ inlineSize: share(sums.cost_minor) }} data-part="cost" />
      <span style={{ inlineSize: share(sums.shipping_minor) }} data-part="shipping" />
      <span style={{ inlineSize: share(sums.weights_minor) }} data-part="weights" />
    </span>
  );
}

/** While nothing has left: units from somebody else that the choice knew of. */
function Elsewhere({ route, nameOf }: { route: RouteDocument; nameOf: (id: string) => string }) {
  const command = useCommand("routing.choose_supplier");
  const offline = useOffline();
  const blocked = offline || command.pending;
  const { picks, alternatives = [] } = route.choice;
  const moved = new Set(route.moves.map((one) => `${one.sku}\n${one.supplier}`));
  const offers = picks
    .filter((pick) => !moved.has(`${pick.sku}\n${pick.supplier}`))
    .map((pick) => ({ pick, others: othersFor(pick.sku, pick.supplier, alternatives) }))
    .filter(({ others }) => others.length > 0);
  if (offers.length === 0) return null;
  return (
    <div className="route-words">
      {offers.map(({ pick, others }) => (
        <p key={`${pick.sku} ${pick.supplier}`} className="conflict-choices">
          <span>
            {pick.quantity} × {pick.sku} from {nameOf(pick.supplier)}, or
          </span>
          {others.map((to) => (
            <button
              key={to}
              type="button"
              className="button button-small"
              aria-disabled={blocked}
              onClick={() => {
                if (blocked) return;
                const { order_id } = route;
                const { sku, supplier, quantity } = pick;
                const move = `M${route.moves.length + 1}`;
                void command.send({ order_id, move, sku, supplier, to, quantity });
              }}
            >
              from {nameOf(to)}
            </button>
          ))}
        </p>
      ))}
      <div role="alert" className="conflict-refused">
        {command.error?.message}
      </div>
    </div>
  );
}

function othersFor(
  sku: string,
  supplier: string,
  alternatives: NonNullable<RouteChoice["alternatives"]>,
): readonly string[] {
  const named = alternatives.flatMap(({ picks }) =>
    picks.filter((pick) => pick.sku === sku && pick.supplier !== supplier),
  );
  return [...new Set(named.map((pick) => pick.supplier))];
}

function Details({ choice, currency, nameOf }: ChoiceProps) {
  const leftOut = choice.left_out ?? [];
  return (
    <details className="route-details">
      <summary>What was weighed</summary>
      <ul className="notes">
        {choice.picks.map((pick) => (
          <li key={`${pick.sku} ${pick.supplier}`}>
            {pick.sku} from {nameOf(pick.supplier)}: {formatMoney(pick.cost_minor, currency)} each
            {typeof pick.lead_time_days === "number" && `, ${pick.lead_time_days} days`}; weighs{" "}
            {weighedText(pick, currency)}
          </li>
        ))}
        {choice.parcels.map((parcel) => (
          <li key={parcel.supplier}>
            {nameOf(parcel.supplier)}: score {parcel.score ?? 1000} of 1000, parcel of{" "}
            {parcel.units} at {formatMoney(parcel.shipping_minor, currency)}
            {(parcel.handling_minor ?? 0) > 0 &&
              ` and ${formatMoney(parcel.handling_minor ?? 0, currency)} for handling`}
          </li>
        ))}
        {leftOut.map((one) => (
          <li key={`${one.sku} ${one.supplier}`}>{leftOutText(one, nameOf)}</li>
        ))}
        {(choice.unrouted ?? []).map((sku) => (
          <li key={sku}>{sku}: no offer could be weighed; it comes from whoever has most.</li>
        ))}
      </ul>
    </details>
  );
}
