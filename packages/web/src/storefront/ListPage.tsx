/** Products by search, category and order. The address says which. */

import { useStatus } from "@shopwire/client/react";
import { NOT_FOUND } from "../shared/api.ts";
import type { Category } from "../shared/documents.ts";
import { Icon } from "../shared/icons.tsx";
import { Failed, Notice } from "../shared/Notice.tsx";
import { Link, navigate, useTitle } from "../shared/router.tsx";
import { ProductCard } from "./ProductCard.tsx";
import { EVERYTHING, PAGE_ITEMS, type Query, sortsFor, urlOf } from "./query.ts";
import { type ProductList, useProductList } from "./useProductList.ts";

interface ListPageProps {
  query: Query;
  categories: readonly Category[] | null;
}

export function ListPage({ query, categories }: ListPageProps) {
  const shown = useProductList(query);
  const category = categories?.find((one) => one.slug === query.category);
  const name = headingOf(query, category);
  const home = query.q === "" && query.category === "";
  useTitle(home ? "Shopwire" : `${name} · Shopwire`);
  return (
    <>
      {home ? <Welcome /> : <Crumbs category={category} categories={categories} query={query} />}
      <div className="list-head">
        {home ? <h2 className="list-title">{name}</h2> : <h1 className="list-title">{name}</h1>}
        <p className="list-count" role="status">
          {shown.state === "ready" && shown.total !== null && countText(shown.total)}
        </p>
        <SortBy query={query} />
      </div>
      <Subcategories categories={categories} query={query} />
      <News shown={shown} />
      <Results shown={shown} query={query} />
    </>
  );
}

function headingOf({ q, category }: Query, known: Category | undefined): string {
  const place = known?.name ?? category;
  if (q !== "") return place ? `“${q}” in ${place}` : `“${q}”`;
  return place || "Everything";
}

function countText(total: number): string {
  return total === 1 ? "1 product" : `${total.toLocaleString()} products`;
}

/** The shop claims to be current only while that is proven. */
const CLAIMS = {
  live: "Every price and every number left on these pages is the real one, this second.",
  delayed: "Prices and numbers left follow the suppliers. Right now they arrive a little late.",
  stale:
    "Prices and numbers left cannot be confirmed right now: each shows when it was last right.",
  offline: "The shop cannot be reached right now: each value shows when it was last right.",
} as const;

function Welcome() {
  const { status } = useStatus();
  return (
    <section className="welcome" aria-labelledby="welcome">
      <h1 id="welcome">Good things, counted as you look.</h1>
      <p>{CLAIMS[status]}</p>
    </section>
  );
}

function Crumbs({
  category,
  categories,
  query,
}: ListPageProps & { category: Category | undefined }) {
  const parent = categories?.find((one) => one.slug === category?.parent);
  return (
    <nav className="crumbs" aria-label="Where you are">
      <Link href="/">Everything</Link>
      {parent && <Link href={urlOf({ ...EVERYTHING, category: parent.slug })}>{parent.name}</Link>}
      {query.q !== "" && category && (
        <Link href={urlOf({ ...EVERYTHING, category: category.slug })}>{category.name}</Link>
      )}
    </nav>
  );
}

function SortBy({ query }: { query: Query }) {
  return (
    <label className="sort-by">
      <span>Sort by</span>
      <select
        value={query.sort === "title" && query.q === "" ? "relevance" : query.sort}
        onChange={(event) => {
          const chosen = sortsFor(query.q).find(({ sort }) => sort === event.target.value);
          if (chosen) navigate(urlOf({ ...query, sort: chosen.sort }), { replace: true });
        }}
      >
        {sortsFor(query.q).map(({ sort, name }) => (
          <option key={sort} value={sort}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Subcategories({ categories, query }: ListPageProps) {
  const below =
    categories?.filter((one) => one.parent === query.category && one.products > 0) ?? [];
  if (query.category === "" || below.length === 0) return null;
  return (
    <nav className="subcategories" aria-label="Within this category">
      {below.map((one) => (
        <Link key={one.slug} href={urlOf({ ...query, category: one.slug })}>
          {one.name} <span>{one.products}</span>
        </Link>
      ))}
    </nav>
  );
}

function News({ shown }: { shown: ProductList }) {
  const count = shown.fresh;
  return (
    <div className="news" role="status">
      {shown.waiting && (
        <button
          type="button"
          className="button button-small"
          onClick={() => {
            shown.showWaiting();
            window.scrollTo({ top: 0 });
          }}
        >
          <Icon name="up" size={16} />
          {count > 0 ? `Show ${count} new` : "This list has changed: show it"}
        </button>
      )}
    </div>
  );
}

function Results({ shown, query }: { shown: ProductList; query: Query }) {
  const { items, state, error, loadingMore, retry, showMore } = shown;
  if (state === "loading" && items.length === 0) return <Skeletons />;
  if (error !== null && state === "failed") {
    return error.status === NOT_FOUND ? (
      <NothingHere query={query} />
    ) : (
      <Failed error={error} retry={retry} />
    );
  }
  if (items.length === 0) return <NothingHere query={query} />;
  const level = query.q === "" && query.category === "" ? "h3" : "h2";
  const featured = query.q === "" && query.category === "" && query.sort === "relevance";
  return (
    <>
      <ul className={featured ? "grid grid-featured" : "grid"} aria-busy={state === "loading"}>
        {items.map((item, index) => (
          <ProductCard key={item.topic} item={item} index={index} level={level} />
        ))}
      </ul>
      {shown.more && (
        <div className="more">
          <button type="button" className="button" onClick={showMore} aria-disabled={loadingMore}>
            {loadingMore ? "Loading…" : "Show more"}
          </button>
          <p role="status">
            {error !== null
              ? `${error.body.message} ${error.body.remedy}`
              : `${items.length} of ${(shown.total ?? items.length).toLocaleString()}`}
          </p>
        </div>
      )}
    </>
  );
}

function NothingHere({ query }: { query: Query }) {
  const everything = (
    <Link className="button" href="/">
      See everything
    </Link>
  );
  if (query.q === "") {
    return (
      <Notice
        title="Nothing here yet"
        icon="boxes"
        {...(query.category === "" ? {} : { actions: everything })}
      >
        As soon as a supplier's feed brings something, it appears on this page by itself.
      </Notice>
    );
  }
  return (
    <Notice title={`Nothing found for “${query.q}”`} icon="search" actions={everything}>
      Try fewer letters: the beginning of a word is enough. Brands and article numbers work too.
    </Notice>
  );
}

const PLACES = Array.from({ length: PAGE_ITEMS / 2 }, (_, at) => `place-${at}`);

function Skeletons() {
  return (
    <div aria-busy="true">
      <p className="visually-hidden">Loading products</p>
      <ul className="grid" aria-hidden="true">
        {PLACES.map((place) => (
          <li className="card card-skeleton" key={place}>
            <div className="card-picture skeleton" />
            <div className="card-words">
              <span className="skeleton skeleton-line" />
              <span className="skeleton skeleton-line skeleton-short" />
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}
