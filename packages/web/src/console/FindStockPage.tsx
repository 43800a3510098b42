/** Finds the article whose stock is to be explained. */

import { useState } from "react";
import { getJson, withParams } from "../shared/api.ts";
import type { Page } from "../shared/documents.ts";
import { Icon } from "../shared/icons.tsx";
import { formatMoney } from "../shared/money.ts";
import { Failed, Notice } from "../shared/Notice.tsx";
import { useRemote, useSettled } from "../shared/remote.ts";
import { Link, navigate, useTitle } from "../shared/router.tsx";
import { Scroll } from "./Scroll.tsx";
import { TableSkeleton } from "./TableSkeleton.tsx";

const FOUND_MAX = 20;
const TYPING_MS = 220;

export function FindStockPage() {
  useTitle("Stock · Shopwire console");
  const [typed, setTyped] = useState("");
  const q = useSettled(typed.trim(), TYPING_MS);
  return (
    <>
      <div className="page-head">
        <h1>Stock</h1>
        <p>Find an article by name, brand or SKU; its page explains every unit.</p>
      </div>
      <form
        className="find"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim()) navigate(`/console/stock/${encodeURIComponent(typed.trim())}`);
        }}
      >
        <Icon name="search" />
        <label className="visually-hidden" htmlFor="find">
          Article
        </label>
        <input
          id="find"
          type="search"
          autoComplete="off"
          placeholder="Name, brand or SKU"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
      </form>
      <section className="panel" aria-label="Articles">
        <Found q={q} />
      </section>
    </>
  );
}

function Found({ q }: { q: string }) {
  const { data, error, reload } = useRemote(
    withParams("/api/products", { q, limit: FOUND_MAX }),
    (path, signal) => getJson<Page>(path, signal),
  );
  if (error) return <Failed error={error} retry={reload} />;
  if (data === null) return <TableSkeleton rows={6} />;
  if (data.items.length === 0) {
    return (
      <Notice title={q === "" ? "No article yet" : "Nothing found"} icon="search">
        {q === ""
          ? "The first import of a supplier's file brings some."
          : "Press Enter to look for exactly this SKU, also where its product is not on sale."}
      </Notice>
    );
  }
  return (
    <Scroll label="Articles">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">Article</th>
            <th scope="col">SKU</th>
            <th scope="col" className="number">
              Sellable
            </th>
            <th scope="col" className="number">
              Price
            </th>
          </tr>
        </thead>
        <tbody>
          {data.items.flatMap((item) =>
            item.doc.variants.map((variant) => {
              const stock = item.stocks.find((one) => one.topic === `stock:${variant.sku}`)?.doc;
              const price = item.prices.find((one) => one.topic === `price:${variant.sku}`)?.doc;
              return (
                <tr key={variant.sku}>
                  <th scope="row">
                    {item.doc.title}
                    <span className="data-sub">{variant.title}</span>
                  </th>
                  <td>
                    <Link href={`/console/stock/${encodeURIComponent(variant.sku)}`}>
                      {variant.sku}
                    </Link>
                  </td>
                  <td className="number">{stock?.available.toLocaleString() ?? "–"}</td>
                  <td className="number">
                    {price ? formatMoney(price.amount_minor, price.currency) : "–"}
                  </td>
                </tr>
              );
            }),
          )}
        </tbody>
      </table>
    </Scroll>
  );
}
