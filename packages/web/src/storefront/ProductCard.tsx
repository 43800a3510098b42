/** A product in a list: its picture, what it costs, how many there are. Live while near. */

import { type RefObject, useEffect, useRef, useState } from "react";
import { Cued } from "../shared/cue.tsx";
import type { Item } from "../shared/documents.ts";
import { OldMark } from "../shared/Freshness.tsx";
import { formatMoney } from "../shared/money.ts";
import { Picture } from "../shared/Picture.tsx";
import { Link } from "../shared/router.tsx";
import { useSteady } from "../shared/steady.ts";
import { type Summary, stockWording, summaryOf, topicsOf, wasMinor } from "./offer.ts";
import { SaleNote } from "./SaleNote.tsx";

/** Cards this far outside of the window are kept current, so that none is old when it comes. */
const NEAR = "400px 0px";
/** Cards without a wait for their pictures: those one sees first. */
const EAGER = 5;

/** Whether the element is in the window or about to be. */
function useNear(element: RefObject<Element | null>): boolean {
  const [near, setNear] = useState(false);
  useEffect(() => {
    if (element.current === null) return;
    const watch = new IntersectionObserver(
      (entries) => setNear(entries.some((entry) => entry.isIntersecting)),
      { rootMargin: NEAR },
    );
    watch.observe(element.current);
    return () => watch.disconnect();
  }, [element]);
  return near;
}

interface Followed {
  readonly product: Item["doc"];
  readonly summary: Summary;
  /** What of it is kept current. */
  readonly topics: { readonly prices: readonly string[]; readonly stocks: readonly string[] };
}

const FAR = { prices: [], stocks: [] } as const;

/** The documents of a card: live while it is near, else as the list brought them. */
function useSummary(item: Item, near: boolean): Followed {
  const [live] = useSteady(near ? [item.topic] : []);
  const product = (live?.doc as Item["doc"] | null | undefined) ?? item.doc;
  const topics = topicsOf(product);
  const prices = useSteady(near ? topics.prices : []);
  const stocks = useSteady(near ? topics.stocks : []);
  const summary = summaryOf(
    product.variants.map(
      (_, at) => prices[at]?.doc ?? item.prices.find((one) => one.topic === topics.prices[at])?.doc,
    ),
    product.variants.map(
      (_, at) => stocks[at]?.doc ?? item.stocks.find((one) => one.topic === topics.stocks[at])?.doc,
    ),
  );
  // What is far outside is not followed, and not looked at either.
  return { product, summary, topics: near ? topics : FAR };
}

interface ProductCardProps {
  item: Item;
  index: number;
  /** Level of the card's heading: one below the list's. */
  level: "h2" | "h3";
}

export function ProductCard({ item, index, level: Title }: ProductCardProps) {
  const root = useRef<HTMLLIElement>(null);
  const { product, summary, topics } = useSummary(item, useNear(root));
  const eager = index < EAGER;
  return (
    <li className="card" ref={root} data-testid="product-card" data-stock={summary.status}>
      <div className="card-picture">
        <Picture product={product} image={product.images[0]} size={600} eager={eager} />
      </div>
      <div className="card-words">
        <div>
          <Title className="card-title">
            <Link href={`/product/${encodeURIComponent(product.id)}`}>{product.title}</Link>
          </Title>
          {product.brand !== "" && <p className="card-brand">{product.brand}</p>}
        </div>
        <div className="card-offer">
          <p className="card-price">
            <PriceLine summary={summary} of={topics.prices} />
          </p>
          <p className="card-stock">
            <Cued
              value={summary.available}
              of={topics.stocks}
              className="stock"
              testId="product-stock"
            >
              {stockWording(summary.available, summary.status)}
            </Cued>
            <OldMark />
          </p>
        </div>
      </div>
    </li>
  );
}

interface PriceLineProps {
  summary: Summary;
  of: readonly string[];
}

function PriceLine({ summary: { price, from }, of }: PriceLineProps) {
  if (price === null) {
    return (
      <span className="price price-none" data-testid="product-price">
        No price yet
      </span>
    );
  }
  const was = wasMinor(price);
  return (
    <>
      <Cued value={price.amount_minor} of={of} className="price" testId="product-price">
        {from && <span className="price-from">from </span>}
        {formatMoney(price.amount_minor, price.currency)}
      </Cued>
      {was !== null && (
        <s className="price-was">
          <span className="visually-hidden">before </span>
          {formatMoney(was, price.currency)}
        </s>
      )}
      <SaleNote sale={price.sale} />
    </>
  );
}
