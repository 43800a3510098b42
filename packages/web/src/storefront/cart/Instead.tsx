/** "Someone was faster", told kindly: what is left, and what could be had instead. */

import { useClient, useTopics } from "@shopwire/client/react";
import type { ReactNode } from "react";
import { getJson, withParams } from "../../shared/api.ts";
import { Cued } from "../../shared/cue.tsx";
import type { Page } from "../../shared/documents.ts";
import { Icon } from "../../shared/icons.tsx";
import { formatMoney } from "../../shared/money.ts";
import { Picture } from "../../shared/Picture.tsx";
import { useRemote } from "../../shared/remote.ts";
import { Link } from "../../shared/router.tsx";
import { pictureOf } from "../Gallery.tsx";
import { entriesOf, stockWording } from "../offer.ts";
import type { Wanted } from "./cart.ts";
import { type Candidate, insteadOf } from "./instead.ts";
import { type Article, articleOf, noteArticles } from "./useArticle.ts";

/** Products among which something similar is looked for. */
const LOOKED_AT = 24;

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
  const { product, variant } = article;
  const { data } = useRemote(
    withParams("/api/products", { category: product.categories.at(-1) ?? null, limit: LOOKED_AT }),
    async (path, signal) => {
      const page = await getJson<Page>(path, signal);
      client.store.offer(page.items.flatMap(entriesOf));
      for (const { doc } of page.items) noteArticles(doc);
      return page;
    },
  );
  const price = client.store.get(`price:${variant.sku}`)?.doc?.amount_minor ?? null;
  const found = insteadOf(variant.sku, quantity, price, data?.items ?? []);
  if (found.length === 0) return null;
  return (
    <div className="instead">
      <h3 className="instead-title">This is there, and much like it</h3>
      <ul>
        {found.map((one) => (
          <Other key={one.variant.sku} candidate={one} quantity={quantity} onTake={onTake} />
        ))}
      </ul>
    </div>
  );
}

interface OtherProps {
  candidate: Candidate;
  quantity: number;
  onTake: ((wanted: Wanted) => void) | undefined;
}

function Other({ candidate: { product, variant }, quantity, onTake }: OtherProps) {
  const { sku } = variant;
  const [price] = useTopics([`price:${sku}`]);
  const [stock] = useTopics([`stock:${sku}`]);
  const other = articleOf(product, sku);
  if (!other || !price?.doc || !stock?.doc) return null;
  const { amount_minor, currency } = price.doc;
  const enough = stock.doc.available >= quantity;
  return (
    <li className="instead-one" data-testid="instead" data-stock={stock.doc.status}>
      <Picture
        product={product}
        image={product.images[pictureOf(product, variant)]}
        size={96}
        alt=""
        eager={false}
      />
      <div>
        <Link href={other.href}>{other.title}</Link>
        <p>
          <Cued value={amount_minor}>{formatMoney(amount_minor, currency)}</Cued>
          <Cued value={stock.doc.available} className="stock">
            {stockWording(stock.doc.available, stock.doc.status)}
          </Cued>
        </p>
      </div>
      {onTake && (
        <button
          type="button"
          className="button button-small"
          aria-disabled={!enough}
          aria-label={`Take ${other.title} instead`}
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
