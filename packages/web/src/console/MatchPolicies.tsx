/** Whether a supplier's SKUs are the shop's own, or are matched; and what was found before. */

import type { MatchPolicyDocument } from "@shopwire/client";
import { useClient, useTopics } from "@shopwire/client/react";
import { useId, useState } from "react";
import { getJson, withParams } from "../shared/api.ts";
import type { Supplier } from "../shared/documents.ts";
import { Failed } from "../shared/Notice.tsx";
import { useRemote } from "../shared/remote.ts";
import { useOffline } from "../shared/useOffline.ts";
import { Scroll } from "./Scroll.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";
import { useSuppliers } from "./useSuppliers.ts";

const OWN: Omit<MatchPolicyDocument, "supplier"> = {
  ...{ mode: "own_skus", unknown: "make", titles: true },
};

export function MatchPolicies() {
  const suppliers = useSuppliers();
  const [shown, setShown] = useState<string | null>(null);
  const ids = suppliers.data?.map(({ id }) => id) ?? [];
  const policies = useTopics(ids.map((id) => `match_policy:${id}` as const));
  return (
    <section className="panel" aria-labelledby="policies">
      <div className="panel-head">
        <h2 id="policies">How suppliers are matched</h2>
      </div>
      {suppliers.error && suppliers.data === null ? (
        <Failed error={suppliers.error} retry={suppliers.reload} />
      ) : suppliers.data === null ? (
        <TableSkeleton rows={3} />
      ) : (
        <ul className="match-policies">
          {suppliers.data.map((one, at) => (
            <Policy
              key={one.id}
              supplier={one}
              policy={policies[at]?.doc ?? { ...OWN, supplier: one.id }}
              open={shown === one.id}
              toggle={() => setShown(shown === one.id ? null : one.id)}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

interface PolicyProps {
  supplier: Supplier;
  policy: MatchPolicyDocument;
  /** Whether what was found of it is shown. */
  open: boolean;
  toggle: () => void;
}

function Policy({ supplier, policy, open, toggle }: PolicyProps) {
  const id = useId();
  const client = useClient();
  const offline = useOffline();
  const [refused, setRefused] = useState("");
  const put = (change: Partial<MatchPolicyDocument>): void => {
    setRefused("");
    client
      .send("matching.put_policy", { ...policy, ...change })
      .catch((problem: Error) => setRefused(problem.message));
  };
  const matched = policy.mode === "match";
  return (
    <li data-testid="match-policy" data-supplier={supplier.id}>
      <strong>{supplier.name}</strong>
      <span className="match-filter">
        <label htmlFor={`${id}-mode`}>Its SKUs</label>
        <select
          id={`${id}-mode`}
          value={policy.mode}
          disabled={offline}
          onChange={(event) => put({ mode: event.target.value as MatchPolicyDocument["mode"] })}
        >
          <option value="own_skus">are the shop's own</option>
          <option value="match">are its own: match them</option>
        </select>
      </span>
      {matched && (
        <>
          <span className="match-filter">
            <label htmlFor={`${id}-unknown`}>What nothing is like</label>
            <select
              id={`${id}-unknown`}
              value={policy.unknown}
              disabled={offline}
              onChange={(event) =>
                put({ unknown: event.target.value as MatchPolicyDocument["unknown"] })
              }
            >
              <option value="make">becomes an article</option>
              <option value="review">waits for a person</option>
            </select>
          </span>
          <label className="match-pick">
            <input
              type="checkbox"
              checked={policy.titles}
              disabled={offline}
              onChange={(event) => put({ titles: event.target.checked })}
            />
            <span>A like name makes a person look</span>
          </label>
          <button
            type="button"
            className="button button-small"
            aria-expanded={open}
            onClick={toggle}
          >
            What was found
          </button>
        </>
      )}
      <span role="alert" className="refused">
        {refused}
      </span>
      {open && <Links supplier={supplier.id} />}
    </li>
  );
}

interface LinkEntry {
  readonly supplier_sku: string;
  readonly state: "linked" | "ignored";
  readonly sku: string;
  readonly how: string;
  readonly title: string;
}

const HOW: Readonly<Record<string, string>> = {
  sku: "by its SKU",
  gtin: "by its GTIN",
  mpn: "by the maker's number",
  new: "a new article",
  person: "by a person",
};

/** What is remembered of a supplier's SKUs; each can be taken back. */
function Links({ supplier }: { supplier: string }) {
  const [cursor, setCursor] = useState<string | null>(null);
  const client = useClient();
  const [said, setSaid] = useState("");
  const path = withParams(`/api/matching/${encodeURIComponent(supplier)}/links`, { cursor });
  const { data, error, reload } = useRemote(path, (at, signal) =>
    getJson<{ items: readonly LinkEntry[]; next: string | null }>(at, signal),
  );
  const forget = (supplier_sku: string): void => {
    client.send("matching.forget", { supplier, supplier_sku }).then(
      () => {
        setSaid(`${supplier_sku} is asked for again with the next feed.`);
        reload();
      },
      (problem: Error) => setSaid(problem.message),
    );
  };
  if (error && data === null) return <Failed error={error} retry={reload} />;
  if (data === null) return <TableSkeleton rows={3} />;
  return (
    <div className="match-links">
      <p role="status">{said || (data.items.length === 0 ? "Nothing yet." : "")}</p>
      {data.items.length > 0 && (
        <Scroll label="What was found">
          <table className="data">
            <thead>
              <tr>
                <th scope="col">Its SKU</th>
                <th scope="col">Is</th>
                <th scope="col">Found</th>
                <th scope="col">
                  <span className="visually-hidden">Take back</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((one) => (
                <tr key={one.supplier_sku}>
                  <th scope="row">{one.supplier_sku}</th>
                  <td>{one.state === "ignored" ? "not for us" : `${one.sku} ${one.title}`}</td>
                  <td>{HOW[one.how] ?? one.how}</td>
                  <td>
                    <button
                      type="button"
                      className="button button-small"
                      aria-label={`Take ${one.supplier_sku} back`}
                      onClick={() => forget(one.supplier_sku)}
                    >
                      Take back
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {(data.next !== null || cursor !== null) && (
        <div className="match-actions">
          {cursor !== null && (
            <button type="button" className="button button-small" onClick={() => setCursor(null)}>
              From the start
            </button>
          )}
          {data.next !== null && (
            <button
              type="button"
              className="button button-small"
              onClick={() => setCursor(data.next)}
            >
              Next
            </button>
          )}
        </div>
      )}
    </div>
  );
}
