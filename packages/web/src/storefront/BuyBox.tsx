/** Price, stock and the buttons of one variant; all of it live. */

import { usePending } from "@shopwire/client/react";
import { type RefObject, useEffect, useId, useRef } from "react";
import { Announce, Cued } from "../shared/cue.tsx";
import type { Price, Product, Stock, Variant } from "../shared/documents.ts";
import { OldMark } from "../shared/Freshness.tsx";
import { Icon } from "../shared/icons.tsx";
import { formatMoney } from "../shared/money.ts";
import { Link, navigate } from "../shared/router.tsx";
import { useSteady } from "../shared/steady.ts";
import { useOffline } from "../shared/useOffline.ts";
import { blockedBy, laterText, OFFLINE } from "./buy.ts";
import { quantityOf, sellableOf } from "./cart/cart.ts";
import { Faster, Instead } from "./cart/Instead.tsx";
import { Quantity } from "./cart/Quantity.tsx";
import { Refused } from "./cart/Refused.tsx";
import { articleOf } from "./cart/useArticle.ts";
import { type Cart, useCart } from "./cart/useCart.ts";
import { fasterText, refusalTold } from "./cart/words.ts";
import { stockWording, wasMinor } from "./offer.ts";
import { SaleNote } from "./SaleNote.tsx";

interface BuyBoxProps {
  product: Product;
  variant: Variant;
  /** What the page came with, until the live documents are there. */
  price: Price | null;
  stock: Stock | null;
}

export function BuyBox({ product, variant, ...first }: BuyBoxProps) {
  const { sku } = variant;
  const [liveStock] = useSteady([`stock:${sku}`]);
  const [livePrice] = useSteady([`price:${sku}`]);
  const price = livePrice ? livePrice.doc : first.price;
  const stock = liveStock ? liveStock.doc : first.stock;
  const words = stockWording(stock?.available ?? 0, stock?.status ?? null);
  const money = price && formatMoney(price.amount_minor, price.currency);
  return (
    <div className="buy-box">
      <p className="buy-price">
        <PriceShown sku={sku} price={price} />
        <OldMark />
      </p>
      <p className="buy-stock" data-stock={stock?.status}>
        <Cued
          value={stock?.available ?? null}
          of={[`stock:${sku}`]}
          className="stock"
          testId="product-stock"
        >
          {words}
        </Cued>
      </p>
      <Buy key={sku} product={product} variant={variant} price={price} stock={stock} />
      <Announce key={`said-${sku}`} text={`Now: ${money ?? "no price"}, ${words}.`} />
    </div>
  );
}

function PriceShown({ sku, price }: { sku: string; price: Price | null }) {
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
      <Cued
        value={price.amount_minor}
        of={[`price:${sku}`]}
        className="price"
        testId="product-price"
      >
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

/** Into the cart, or straight on to the checkout. What is pressed shows at once. */
function Buy({ product, variant, price, stock }: BuyBoxProps) {
  const { sku } = variant;
  const cart = useCart();
  const id = useId();
  const pressed = useRef(false);
  const inCart = quantityOf(cart.cart, sku);
  const offline = useOffline();
  const blocked = blockedBy({ stock, priced: price !== null });
  const want = (quantity: number): Promise<boolean> => {
    if (price === null) return Promise.resolve(false);
    const { amount_minor, currency } = price;
    return cart.actions.put({ sku, quantity, accepted_minor: amount_minor, currency });
  };
  const buyNow = async (): Promise<void> => {
    if (blocked !== null || offline) return;
    if (inCart > 0 || (await want(1))) navigate("/checkout");
  };
  return (
    <>
      {inCart > 0 ? (
        <InCart
          cart={cart}
          of={product.title}
          quantity={inCart}
          most={stock ? sellableOf(stock) : inCart}
          sku={sku}
          want={want}
          takesFocus={pressed}
        />
      ) : (
        <button
          type="button"
          className="button button-main"
          data-testid="add-to-cart"
          aria-disabled={blocked !== null}
          aria-describedby={id}
          onClick={() => {
            if (blocked !== null) return;
            pressed.current = true;
            void want(1);
          }}
        >
          {blocked?.label ?? "Add to cart"}
        </button>
      )}
      {blocked === null && !offline && (
        <button
          type="button"
          className="button buy-more"
          data-testid="buy-now"
          aria-describedby={id}
          onClick={() => void buyNow()}
        >
          {inCart > 0 ? "To the checkout" : "Buy now"}
        </button>
      )}
      <p className="buy-why" id={id}>
        {blocked?.reason ?? (offline ? OFFLINE : laterText(stock))}
      </p>
      <Trouble product={product} variant={variant} stock={stock} cart={cart} inCart={inCart} />
    </>
  );
}

interface InCartProps {
  cart: Cart;
  of: string;
  sku: string;
  quantity: number;
  most: number;
  want: (quantity: number) => Promise<boolean>;
  /** Whether the button in whose place this comes was pressed, and had the focus. */
  takesFocus: RefObject<boolean>;
}

function InCart({ cart, of, sku, quantity, most, want, takesFocus }: InCartProps) {
  const link = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    if (takesFocus.current) link.current?.focus({ preventScroll: true });
    takesFocus.current = false;
  }, [takesFocus]);
  const pending = usePending(`cart:${cart.id}`);
  const closed = cart.cart.status !== "open";
  return (
    <div className="in-cart" data-testid="in-cart" data-sku={sku} data-pending={pending}>
      <Quantity
        of={of}
        value={quantity}
        most={most}
        disabled={closed}
        onChange={(next) => void want(next)}
      />
      <Link className="button button-main" href="/cart" data-testid="to-cart" ref={link}>
        <Icon name={pending ? "bag" : "check"} size={18} /> {quantity} in your cart
      </Link>
    </div>
  );
}

interface TroubleProps {
  product: Product;
  variant: Variant;
  stock: Stock | null;
  cart: Cart;
  inCart: number;
}

/** A refusal of the last press; or the news that what is in the cart is there no more. */
function Trouble({ product, variant, stock, cart, inCart }: TroubleProps) {
  const problem = cart.problems.get(variant.sku);
  const refused = problem ? refusalTold(problem.error) : null;
  const short = cart.cart.status === "open" && stock !== null && sellableOf(stock) < inCart;
  const text = refused?.text ?? (short ? fasterText(sellableOf(stock)) : null);
  const article = articleOf(product, variant.sku);
  if (problem?.conflict) return <Refused sku={variant.sku} title={product.title} cart={cart} />;
  if (text === null || article === null) return null;
  const scarce = short || (refused !== null && refused.left !== null);
  return (
    <Faster text={text}>
      {scarce && (
        <Instead article={article} quantity={Math.max(1, problem?.wanted.quantity ?? inCart)} />
      )}
    </Faster>
  );
}
