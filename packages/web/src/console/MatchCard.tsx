/** One row that waits: what the supplier says beside the articles that it may be. */

import { type ReactNode, useId, useState } from "react";
import { formatMoney } from "../shared/money.ts";
import { Link } from "../shared/router.tsx";
import { useOffline } from "../shared/useOffline.ts";
import {
  becauseText,
  type Candidate,
  type Choice,
  keyOf,
  type Match,
  reasonText,
} from "./matches.ts";

interface MatchCardProps {
  match: Match;
  supplier: string;
  chosen: boolean;
  choose: (chosen: boolean) => void;
  decide: (choice: Choice) => Promise<string | null>;
}

export function MatchCard({ match, supplier, chosen, choose, decide }: MatchCardProps) {
  const offline = useOffline();
  const [sku, setSku] = useState(match.candidates[0]?.sku ?? "");
  const [pending, setPending] = useState(false);
  const [refused, setRefused] = useState<string | null>(null);
  const name = useId();
  const blocked = offline || pending;
  const send = (choice: Choice): void => {
    if (blocked || (choice.kind === "link" && sku === "")) return;
    setPending(true);
    setRefused(null);
    void decide(choice).then((problem) => {
      setPending(false);
      setRefused(problem);
    });
  };
  return (
    <li className="match" data-testid="match" data-match={keyOf(match)}>
      <div className="match-head">
        <label className="match-pick">
          <input
            type="checkbox"
            checked={chosen}
            onChange={(event) => choose(event.target.checked)}
          />
          <span>
            {supplier} <code>{match.supplier_sku}</code>
          </span>
        </label>
        <p className="match-why">{reasonText(match.reasons)}</p>
      </div>
      <div className="match-sides">
        <Said match={match} />
        <fieldset className="match-candidates">
          <legend>The article that it is</legend>
          {match.candidates.length === 0 && <p className="data-sub">No article is like it.</p>}
          {match.candidates.map((one) => (
            <label key={one.sku} className="match-candidate">
              <input
                type="radio"
                name={name}
                value={one.sku}
                checked={sku === one.sku}
                onChange={() => setSku(one.sku)}
              />
              <Article candidate={one} said={match} />
            </label>
          ))}
          <Other name={name} match={match} sku={sku} setSku={setSku} />
        </fieldset>
      </div>
      <div className="match-actions">
        <button
          type="button"
          className="button button-main button-small"
          aria-disabled={blocked || sku === ""}
          onClick={() => send({ kind: "link", sku })}
        >
          {pending ? "One moment…" : sku === "" ? "Link it" : `Link to ${sku}`}
        </button>
        {match.title !== "" && (
          <button
            type="button"
            className="button button-small"
            aria-disabled={blocked}
            onClick={() => send({ kind: "new" })}
          >
            New article {match.new_sku}
          </button>
        )}
        <button
          type="button"
          className="button button-small"
          aria-disabled={blocked}
          onClick={() => send({ kind: "ignore" })}
        >
          Not for us
        </button>
        <span role="alert" className="refused">
          {refused}
        </span>
      </div>
    </li>
  );
}

/** What the supplier's row says. */
function Said({ match }: { match: Match }) {
  const { title, variant, brand, gtin, mpn, cost_minor, currency, quantity } = match;
  return (
    <div className="match-card" data-testid="match-said">
      <Shown url={match.image} />
      <div>
        <strong>{title || "No name in this feed"}</strong>
        {variant !== "" && <span className="data-sub">{variant}</span>}
        <dl>
          <Fact name="GTIN">{gtin}</Fact>
          <Fact name="Maker">{brand}</Fact>
          <Fact name="Maker's number">{mpn}</Fact>
          <Fact name="Cost">{cost_minor !== null && formatMoney(cost_minor, currency)}</Fact>
          <Fact name="Units">{quantity}</Fact>
        </dl>
        <Link href={`/console/imports/${encodeURIComponent(match.run)}`}>
          Line {match.line.toLocaleString()} of its import
        </Link>
      </div>
    </div>
  );
}

/** An article of the shop; what is the same as in the row is marked, in words too. */
function Article({ candidate, said }: { candidate: Candidate; said: Match }) {
  const { sku, title, variant, brand, gtin, mpn, price_minor, currency, available } = candidate;
  const differs = gtin !== null && said.gtin !== null && gtin !== said.gtin;
  return (
    <span className="match-card">
      <Shown url={candidate.image} />
      <span>
        <strong>{title}</strong>
        {variant !== "" && <span className="data-sub">{variant}</span>}
        <span className="data-sub">
          <code>{sku}</code> {becauseText(candidate.because)}
        </span>
        <span className="match-facts">
          {gtin !== null && (
            <span data-differs={differs || undefined}>
              GTIN {gtin}
              {differs && " (another one)"}
            </span>
          )}
          {brand !== "" && <span>{brand}</span>}
          {mpn !== "" && <span>{mpn}</span>}
          {price_minor !== null && <span>{formatMoney(price_minor, currency)}</span>}
          {available !== null && <span>{available} to be sold</span>}
          {candidate.suppliers.length > 0 && <span>from {candidate.suppliers.join(", ")}</span>}
        </span>
      </span>
    </span>
  );
}

interface OtherProps {
  name: string;
  match: Match;
  sku: string;
  setSku: (sku: string) => void;
}

/** A SKU that nobody proposed, typed. */
function Other({ name, match, sku, setSku }: OtherProps) {
  const id = useId();
  const proposed = match.candidates.some((one) => one.sku === sku);
  const [typed, setTyped] = useState("");
  return (
    <div className="match-other">
      <input
        type="radio"
        name={name}
        aria-label="Another article"
        checked={!proposed && sku !== ""}
        onChange={() => setSku(typed)}
      />
      <label htmlFor={id}>Another SKU</label>
      <input
        id={id}
        value={typed}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          setTyped(event.target.value);
          setSku(event.target.value.trim());
        }}
      />
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  if (children === null || children === "" || children === false) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** A picture from the feed; where it leads nowhere, nothing. */
function Shown({ url }: { url: string }) {
  const [broken, setBroken] = useState(false);
  if (broken || !/^(\/|https?:\/\/)/.test(url)) return <span className="match-picture" />;
  return (
    <img
      className="match-picture"
      src={url}
      alt=""
      width={72}
      height={72}
      loading="lazy"
      decoding="async"
      referrerPolicy="no-referrer"
      onError={() => setBroken(true)}
    />
  );
}
