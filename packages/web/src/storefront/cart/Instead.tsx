/** "Someone was faster", told kindly: what is left, and what could be had instead. */

import { useClient, useTopics } from "@shopwire/client/react";
import type { ReactNode } from "react";
import { getJson, withParams } from "../../shared/api.ts";
import { Cued } from "../../shared/cue.tsx";
import { Icon } from "../../shared/icons.tsx";
import { formatMoney } from "../../shared/money.ts";
import { Picture } from "../../shared/Picture.tsx";
import { useRemote } from "../../shared/remote.ts";
import { Link } from "../../shared/router.tsx";
import { pictureOf } from "../Gallery.tsx";
import { stockWording } from "../offer.ts";
import type { Wanted } from "./cart.ts";
import { type Alternative, ASKED_FOR, entriesIn, insteadOf } from "./instead.ts";
import { type Article, articleOf, noteArticles } from "./useArticle.ts";

interface FasterProps {
  text: string;
  children?: ReactNode;
}

/** Says that there is less than was wanted. */
export function Faster({ text, children }: FasterProps) {
  return (
    <div className="faster" data-testid="faster">
      <p className="faster-text" role="alert">
        <Icon name="clock" size={18} /> {text}
      </p>
      {children}
    </div>
  );
}

interface InsteadProps {
  article: Article;
  quantity: number;
  /** Puts it into the cart; without it, the articles are only shown. */
  onTake?: (wanted: Wanted) => void;
}

/** Up to three articles that are there and much like it. */
export function Instead({ article, quantity, onTake }: InsteadProps) {
  const client = useClient();
  const path = `/api/stock/${encodeURIComponent(article.variant.sku)}/alternatives`;
  const { data } = useRemote(
    withParams(path, { quantity, limit: ASKED_FOR }),
    async (at, signal) => {
      const { items } = await getJson<{ items: readonly Alternative[] }>(at, signal);
      client.store.offer(entriesIn(items));
      for (const { product } of items) noteArticles(product.doc);
      return items;
    },
  );
  const found = insteadOf(data ?? []);
  if (found.length === 0) return null;
  return (
    <div className="instead">
      <h3 className="instead-title">This is there, and much like it</h3>
      <ul>
        {found.map((one) => (
          <Other key={one.sku} other={one} quantity={quantity} onTake={onTake} />
        ))}
      </ul>
    </div>
  );
}

interface OtherProps {
  other: Alternative;
  quantity: number;
  onTake: ((wanted: Wanted) => void) | undefined;
}

function Other({ other: { sku, product }, quantity, onTake }: OtherProps) {
  const [price] = useTopics([`price:${sku}`]);
  const [stock] = useTopics([`stock:${sku}`]);
  const found = articleOf(product.doc, sku);
  if (!found || !price?.doc || !stock?.doc) return null;
  const { amount_minor, currency } = price.doc;
  const enough = stock.doc.available >= quantity;
  return (
    <li className="instead-one" data-testid="instead" data-stock={stock.doc.status}>
      <Picture
        product={product.doc}
        image={product.doc.images[pictureOf(product.doc, found.variant)]}
        size={96}
        alt=""
        eager={false}
      />
      <div>
        <Link href={found.href}>{found.title}</Link>
        <p>
          <Cued value={amount_minor} of={[`price:${sku}`]}>
            {formatMoney(amount_minor, currency)}
          </Cued>
          <Cued value={stock.doc.available} of={[`stock:${sku}`]} className="stock">
            {stockWording(stock.doc.available, stock.doc.status)}
          </Cued>
        </p>
      </div>
      {onTake && (
        <button
          type="button"
          className="button button-small"
          aria-disabled={!enough}
          aria-label={`Take ${found.title} instead`}
          data-testid="take-instead"
          onClick={() =>
            enough && onTake({ sku, quantity, accepted_minor: amount_minor, currency })
          }
        >
          Take this
        </button>
      )}
    </li>
  );
}
