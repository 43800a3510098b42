/** The cart: its lines live, what changed since, and the way to the checkout. */

import { Cued } from "../../shared/cue.tsx";
import { OldMark } from "../../shared/Freshness.tsx";
import { formatMoney } from "../../shared/money.ts";
import { Notice } from "../../shared/Notice.tsx";
import { Link, useTitle } from "../../shared/router.tsx";
import { useOffline } from "../../shared/useOffline.ts";
import { CartLine } from "./CartLine.tsx";
import { openIssues, type Row, toAccept, totalOf, unitsOf } from "./cart.ts";
import { useMyOrders } from "./mine.ts";
import { Refused } from "./Refused.tsx";
import { useArticle } from "./useArticle.ts";
import { type Cart, useCart, useRows } from "./useCart.ts";
import { unitsText } from "./words.ts";

export function CartPage() {
  useTitle("Cart · Shopwire");
  const mine = useCart();
  const rows = useRows(mine.cart);
  const offline = useOffline();
  const gone = [...mine.problems.values()].filter(
    ({ wanted }) => !rows.some(({ line }) => line.sku === wanted.sku),
  );
  if (rows.length + gone.length === 0) return mine.known ? <Empty /> : <CartSkeleton />;
  return (
    <div className="cart">
      <div className="cart-head">
        <h1>Your cart</h1>
        <p role="status">{unitsText(unitsOf(mine.cart))}</p>
      </div>
      <Closed cart={mine} />
      {gone.map(({ wanted: { sku } }) => (
        <Gone key={sku} sku={sku} cart={mine} />
      ))}
      <ul className="cart-lines">
        {rows.map((row) => (
          <CartLine key={row.line.sku} row={row} cart={mine} offline={offline} />
        ))}
      </ul>
      <Sum rows={rows} cart={mine} offline={offline} />
    </div>
  );
}

/** An article that is not in the cart, because a change of it was refused. */
function Gone({ sku, cart }: { sku: string; cart: Cart }) {
  const title = useArticle(sku)?.title ?? sku;
  return (
    <section className="cart-gone" aria-label={title}>
      <h2 className="cart-title">{title}</h2>
      <Refused sku={sku} title={title} cart={cart} />
    </section>
  );
}

/** While it is being paid for nothing in it can change; the order's page tells how far it is. */
function Closed({ cart: { cart } }: { cart: Cart }) {
  if (cart.status === "open" || cart.order_id === null) return null;
  return (
    <p className="banner-soft" role="status">
      {cart.status === "checking_out" ? "This cart is being paid for. " : "This cart was bought. "}
      <Link href={`/order/${encodeURIComponent(cart.order_id)}`}>See the order</Link>
    </p>
  );
}

interface SumProps {
  rows: readonly Row[];
  cart: Cart;
  offline: boolean;
}

function Sum({ rows, cart, offline }: SumProps) {
  const total = totalOf(cart.cart.lines);
  const issues = openIssues(rows);
  const prices = toAccept(rows);
  const why = reasonAgainst(cart, issues, offline, total === null);
  return (
    <aside className="cart-total" aria-label="Sum">
      <p className="cart-total-line">
        <span>Sum</span>
        <span className="cart-total-amount">
          {total === null ? (
            "–"
          ) : (
            <Cued value={total.minor} of={[cart.actions.topic]} testId="cart-total">
              {formatMoney(total.minor, total.currency)}
            </Cued>
          )}
        </span>
      </p>
      <p className="cart-total-note">
        What you accepted is what you pay. <OldMark />
      </p>
      {prices.length > 1 && (
        <button
          type="button"
          className="button"
          data-testid="accept-all"
          onClick={() => void cart.actions.accept(prices)}
        >
          Take all at the new prices
        </button>
      )}
      <Link
        className="button button-main"
        href="/checkout"
        data-testid="checkout"
        aria-disabled={why !== ""}
        aria-describedby="checkout-why"
        onClick={(event) => {
          if (why !== "") event.preventDefault();
        }}
      >
        To the checkout
      </Link>
      <p className="buy-why" id="checkout-why" role="status">
        {why}
      </p>
    </aside>
  );
}

function reasonAgainst({ cart }: Cart, issues: number, offline: boolean, mixed: boolean): string {
  if (cart.status !== "open") return "This cart is being paid for already.";
  if (offline) return "The shop cannot be reached right now. Your cart is kept.";
  if (mixed) return "These articles are priced in several currencies. Please buy them apart.";
  if (issues > 0) {
    return issues === 1
      ? "One line has changed. Please look at it first."
      : `${issues} lines have changed. Please look at them first.`;
  }
  return "";
}

function Empty() {
  const orders = useMyOrders();
  return (
    <Notice
      page
      icon="bag"
      title="Your cart is empty"
      actions={
        <>
          <Link className="button button-main" href="/">
            Look around
          </Link>
          {orders.length > 0 && (
            <Link className="button" href="/orders">
              Your orders
            </Link>
          )}
        </>
      }
    >
      What you put in stays here, with its price and how many are left, counted as you look.
    </Notice>
  );
}

function CartSkeleton() {
  return (
    <div className="cart" aria-busy="true">
      <p className="visually-hidden">Loading your cart</p>
      <span className="skeleton skeleton-title" aria-hidden="true" />
      <span className="skeleton skeleton-line" aria-hidden="true" />
      <span className="skeleton skeleton-line skeleton-short" aria-hidden="true" />
    </div>
  );
}
