/** The shop: header, the page that the address names, footer. */

import { lazy, Suspense, useMemo } from "react";
import { getJson } from "../shared/api.ts";
import type { Category } from "../shared/documents.ts";
import { Freshness } from "../shared/Freshness.tsx";
import { Mark } from "../shared/Mark.tsx";
import { Notice } from "../shared/Notice.tsx";
import { useRemote } from "../shared/remote.ts";
import { Link, match, usePlace, useTitle } from "../shared/router.tsx";
import { ThemeSwitch } from "../shared/theme.tsx";
import { useCurrentInView } from "../shared/useCurrentInView.ts";
import { useRevision } from "../shared/useRevision.ts";
import { CartButton } from "./cart/CartButton.tsx";
import { ListPage } from "./ListPage.tsx";
import { ProductPage } from "./ProductPage.tsx";
import { EVERYTHING, type Query, queryOf, urlOf } from "./query.ts";
import { SearchField } from "./SearchField.tsx";
import "../styles/storefront.css";
import "../styles/list.css";
import "../styles/product.css";
import "../styles/trade.css";

const Buying = lazy(() => import("./Buying.tsx"));
/** Where it is. */
const BUYING = ["/cart", "/checkout", "/orders", "/order/:id"];

interface Categories {
  readonly items: readonly Category[];
}

function useCategories(): readonly Category[] | null {
  const { data, reload } = useRemote("/api/categories", (path, signal) =>
    getJson<Categories>(path, signal),
  );
  useRevision("", reload);
  return useMemo(() => data?.items.filter((one) => one.slug !== "all") ?? null, [data]);
}

export function Storefront() {
  const place = usePlace();
  const query = useMemo(() => queryOf(place.path, place.params), [place]);
  const product = match("/product/:id", place.path);
  const buying = BUYING.some((pattern) => match(pattern, place.path) !== null);
  const categories = useCategories();
  return (
    <div className="shop">
      <header className="shop-head">
        <div className="shop-bar">
          <Link className="wordmark" href="/" aria-label="Shopwire, to the first page">
            <Mark /> <span>Shopwire</span>
          </Link>
          <SearchField query={query} />
          <div className="shop-tools">
            <Freshness />
            <ThemeSwitch />
            <CartButton />
          </div>
        </div>
        <CategoryMenu categories={categories} query={query} />
      </header>
      <main id="main" tabIndex={-1} key={product || buying ? place.path : "list"}>
        {product ? (
          <ProductPage id={product.id ?? ""} categories={categories} />
        ) : buying ? (
          <Suspense>
            <Buying path={place.path} />
          </Suspense>
        ) : query ? (
          <ListPage query={query} categories={categories} />
        ) : (
          <Lost />
        )}
      </main>
      <footer className="shop-foot">
        <p>Prices and stock come straight from our suppliers, and move while you look.</p>
        <nav aria-label="More">
          <Link href="/orders">Your orders</Link>
          <Link href="/console">Operator's console</Link>
        </nav>
      </footer>
    </div>
  );
}

function CategoryMenu(props: { categories: readonly Category[] | null; query: Query | null }) {
  const { categories, query } = props;
  const top = categories?.filter((one) => one.parent === null && one.products > 0) ?? [];
  const chosen = query?.category ?? null;
  const branch = rootOf(categories, chosen);
  const row = useCurrentInView(`${branch} ${top.length}`);
  return (
    <nav className="menu links-row" aria-label="Categories" ref={row}>
      <Link href="/" aria-current={chosen === "" && query?.q === "" ? "page" : undefined}>
        Everything
      </Link>
      {top.map((one) => (
        <Link
          key={one.slug}
          href={urlOf({ ...EVERYTHING, category: one.slug })}
          aria-current={branch === one.slug ? "page" : undefined}
        >
          {one.name}
        </Link>
      ))}
    </nav>
  );
}

/** The category of the menu that a category is below, however deep. */
function rootOf(categories: readonly Category[] | null, slug: string | null): string | null {
  const known = new Map(categories?.map((one) => [one.slug, one.parent]));
  let root = slug;
  for (let depth = 0; depth < known.size && root !== null; depth++) {
    root = known.get(root) ?? root;
  }
  return root;
}

function Lost() {
  useTitle("Not found · Shopwire");
  return (
    <Notice
      page
      title="There is no such page"
      icon="search"
      actions={
        <Link className="button" href="/">
          See everything
        </Link>
      }
    >
      The address may have a slip in it, or the page has moved.
    </Notice>
  );
}
