/** One product: pictures, variants, what it costs and how many are left right now. */

import { useClient } from "@shopwire/client/react";
import { useEffect, useState } from "react";
import { getJson, NOT_FOUND, withParams } from "../shared/api.ts";
import { Cued } from "../shared/cue.tsx";
import type { Category, Item, Product, Variant } from "../shared/documents.ts";
import { formatMoney } from "../shared/money.ts";
import { Failed, Notice } from "../shared/Notice.tsx";
import { useRemote } from "../shared/remote.ts";
import { Link, navigate, usePlace, useTitle } from "../shared/router.tsx";
import { useSteady } from "../shared/steady.ts";
import { BuyBox } from "./BuyBox.tsx";
import { noteArticles } from "./cart/useArticle.ts";
import { Gallery } from "./Gallery.tsx";
import { entriesOf, paragraphsOf, stockWording, topicsOf, variantName } from "./offer.ts";
import { EVERYTHING, urlOf } from "./query.ts";
import { VariantPicker } from "./VariantPicker.tsx";

interface ProductPageProps {
  id: string;
  categories: readonly Category[] | null;
}

export function ProductPage({ id, categories }: ProductPageProps) {
  const client = useClient();
  const [live] = useSteady([`product:${id}`]);
  const { data, error, reload } = useRemote(
    `/api/products/${encodeURIComponent(id)}`,
    async (path, signal) => {
      const item = await getJson<Item>(path, signal);
      client.store.offer(entriesOf(item));
      return item;
    },
  );
  const product = live ? live.doc : (data?.doc ?? null);
  useTitle(`${product?.title ?? "Product"} · Shopwire`);
  const answered = data !== null || error !== null;
  if (product !== null && product.status === "active" && answered) {
    return <Shown key={id} product={product} item={data} categories={categories} />;
  }
  const withdrawn = product !== null && product.status !== "active";
  if (live?.doc === null || withdrawn || error?.status === NOT_FOUND)
    return <Gone title={product?.title ?? null} />;
  return error ? <Failed page error={error} retry={reload} /> : <ProductSkeleton />;
}

interface ShownProps {
  product: Product;
  item: Item | null;
  categories: readonly Category[] | null;
}

function Shown({ product, item, categories }: ShownProps) {
  const { params, path } = usePlace();
  const asked = params.get("variant");
  const [first] = useState(() => firstVariant(product, item));
  useEffect(() => noteArticles(product), [product]);
  const chosen =
    product.variants.find((one) => one.sku === asked) ??
    product.variants.find((one) => one.sku === first) ??
    product.variants[0];
  const choose = (variant: Variant): void =>
    navigate(withParams(path, { variant: variant.sku }), { replace: true });
  const priceOf = (sku: string) => item?.prices.find((one) => one.topic === `price:${sku}`)?.doc;
  const stockOf = (sku: string) => item?.stocks.find((one) => one.topic === `stock:${sku}`)?.doc;
  return (
    <article className="product">
      <Trail product={product} categories={categories} />
      <Gallery product={product} variant={chosen} />
      <div className="product-words">
        <header>
          {product.brand !== "" && <p className="product-brand">{product.brand}</p>}
          <h1>{product.title}</h1>
        </header>
        {chosen ? (
          <>
            <VariantPicker product={product} chosen={chosen} onChoose={choose} />
            <BuyBox
              product={product}
              variant={chosen}
              price={priceOf(chosen.sku) ?? null}
              stock={stockOf(chosen.sku) ?? null}
            />
          </>
        ) : (
          <p>This product has no variants yet, so there is nothing to buy.</p>
        )}
        <div className="product-text">
          {paragraphsOf(product.description).map((text) => (
            <p key={text}>{text}</p>
          ))}
        </div>
        <AllVariants product={product} chosen={chosen} onChoose={choose} />
        <Facts product={product} chosen={chosen} />
      </div>
    </article>
  );
}

/** The first variant that can be bought as the page opens; it stays when that changes. */
function firstVariant(product: Product, item: Item | null): string | undefined {
  const inStock = new Set(
    item?.stocks.filter(({ doc }) => doc.available > 0).map(({ topic }) => topic),
  );
  return product.variants.find(({ sku }) => inStock.has(`stock:${sku}`))?.sku;
}

function Trail({ product, categories }: Omit<ShownProps, "item">) {
  const own = categories?.filter((one) => product.categories.includes(one.slug)) ?? [];
  return (
    <nav className="crumbs" aria-label="Where you are">
      <Link href="/">Everything</Link>
      {own.map((one) => (
        <Link key={one.slug} href={urlOf({ ...EVERYTHING, category: one.slug })}>
          {one.name}
        </Link>
      ))}
    </nav>
  );
}

interface AllVariantsProps {
  product: Product;
  chosen: Variant | undefined;
  onChoose: (variant: Variant) => void;
}

/** Every variant with its live price and stock; the picker hides what this shows at once. */
function AllVariants({ product, chosen, onChoose }: AllVariantsProps) {
  const topics = topicsOf(product);
  const prices = useSteady(topics.prices);
  const stocks = useSteady(topics.stocks);
  if (product.variants.length < 2) return null;
  return (
    <table className="variants">
      <caption>All variants</caption>
      <thead className="visually-hidden">
        <tr>
          <th scope="col">Variant</th>
          <th scope="col">Stock</th>
          <th scope="col">Price</th>
        </tr>
      </thead>
      <tbody>
        {product.variants.map((variant, at) => {
          const price = prices[at]?.doc;
          const stock = stocks[at]?.doc;
          return (
            <tr key={variant.sku} aria-current={variant === chosen || undefined}>
              <th scope="row">
                <button type="button" onClick={() => onChoose(variant)}>
                  {variantName(variant)}
                </button>
              </th>
              <td data-stock={stock?.status}>
                <Cued
                  value={stock?.available ?? null}
                  of={[`stock:${variant.sku}`]}
                  className="stock"
                >
                  {stockWording(stock?.available ?? 0, stock?.status ?? null)}
                </Cued>
              </td>
              <td>
                <Cued value={price?.amount_minor ?? null} of={[`price:${variant.sku}`]}>
                  {price ? formatMoney(price.amount_minor, price.currency) : "—"}
                </Cued>
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Facts({ product, chosen }: { product: Product; chosen: Variant | undefined }) {
  return (
    <dl className="facts">
      {chosen && (
        <div>
          <dt>Article</dt>
          <dd>{chosen.sku}</dd>
        </div>
      )}
      {chosen?.gtin && (
        <div>
          <dt>GTIN</dt>
          <dd>{chosen.gtin}</dd>
        </div>
      )}
      {product.tags.length > 0 && (
        <div>
          <dt>Tags</dt>
          <dd>
            {product.tags.map((tag, at) => (
              <span key={tag}>
                {at > 0 && ", "}
                <Link href={urlOf({ ...EVERYTHING, q: tag })}>{tag}</Link>
              </span>
            ))}
          </dd>
        </div>
      )}
    </dl>
  );
}

function Gone({ title }: { title: string | null }) {
  return (
    <Notice
      page
      title={title === null ? "We do not have this product" : `${title} is not sold any more`}
      icon="boxes"
      actions={
        <Link className="button" href="/">
          See everything
        </Link>
      }
    >
      The address may have a slip in it, or the product was taken out of the shop.
    </Notice>
  );
}

function ProductSkeleton() {
  return (
    <div className="product" aria-busy="true">
      <p className="visually-hidden">Loading the product</p>
      <div className="gallery">
        <div className="gallery-main skeleton" />
      </div>
      <div className="product-words" aria-hidden="true">
        <span className="skeleton skeleton-line skeleton-short" />
        <span className="skeleton skeleton-title" />
        <span className="skeleton skeleton-line" />
        <span className="skeleton skeleton-button" />
      </div>
    </div>
  );
}
