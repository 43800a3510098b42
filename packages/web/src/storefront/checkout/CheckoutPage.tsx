/** The checkout: who, where to, how to pay; then how far it is, step by step. */

import { UnknownOutcome } from "@shopwire/client";
import { usePending, useTopic } from "@shopwire/client/react";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { Icon } from "../../shared/icons.tsx";
import { keep, kept } from "../../shared/kept.ts";
import { formatMoney } from "../../shared/money.ts";
import { Notice } from "../../shared/Notice.tsx";
import { Link, navigate, useTitle } from "../../shared/router.tsx";
import { useOffline } from "../../shared/useOffline.ts";
import { openIssues, totalOf } from "../cart/cart.ts";
import { cartId } from "../cart/mine.ts";
import { type Cart, useCart, useRows } from "../cart/useCart.ts";
import { CountryField, idOf, MethodFields, TextFields } from "./Fields.tsx";
import {
  ADDRESS,
  addressOf,
  BLANK,
  CONTACT,
  type Details,
  type Faults,
  type Field,
  faultsIn,
  faultsOf,
} from "./form.ts";
import { Progress } from "./Progress.tsx";
import { Summary } from "./Summary.tsx";
import { checkoutTold, failureText } from "./steps.ts";
import { type Checkout, useCheckout } from "./useCheckout.ts";

const DRAFT = "shopwire.details";

export function CheckoutPage() {
  useTitle("Checkout · Shopwire");
  // The cart as it was when the page was opened: once it is bought, this browser has another.
  const [id] = useState(cartId);
  const mine = useCart(id);
  const rows = useRows(mine.cart);
  const checkout = useCheckout(id);
  const { cart } = mine;
  const paying = checkout.pending || cart.status === "checking_out";
  const orderId = checkout.order ?? cart.order_id ?? nextOrder(mine);
  const order = useTopic(paying || checkout.order !== null ? `order:${orderId}` : null)?.doc;
  const placed = cart.status === "ordered" || (order && !UNSETTLED.has(order.status));

  const { settle, error } = checkout;
  useEffect(() => {
    // No answer came, but the order itself tells what became of it.
    if (error instanceof UnknownOutcome && order?.status === "failed") settle(order);
  }, [error, order, settle]);
  useEffect(() => {
    if (placed) navigate(`/order/${encodeURIComponent(orderId)}`, { replace: true });
  }, [placed, orderId]);

  if (mine.known && rows.length === 0) return <Nothing />;
  return (
    <div className="checkout">
      <h1>Checkout</h1>
      <div className="checkout-main">
        {paying || placed ? (
          <Progress order={order} retrying={checkout.retrying} />
        ) : (
          <Form
            mine={mine}
            checkout={checkout}
            issues={openIssues(rows)}
            failed={order?.status === "failed" ? failureText(order.reason) : null}
          />
        )}
      </div>
      <Summary rows={rows} cart={mine} quiet={paying || Boolean(placed)} />
    </div>
  );
}

/** The order that the next attempt at this cart makes. */
const nextOrder = ({ id, cart }: Cart): string => `${id}.${cart.attempt}`;

const UNSETTLED: ReadonlySet<string> = new Set(["checking_out", "failed"]);

function draft(): Details {
  try {
    return { ...BLANK, ...JSON.parse(kept(DRAFT, "session") ?? "{}") };
  } catch {
    return BLANK;
  }
}

interface FormProps {
  mine: Cart;
  checkout: Checkout;
  issues: number;
  /** Why the order that was tried before came to nothing. */
  failed: string | null;
}

function Form({ mine, checkout, issues, failed }: FormProps) {
  const [details, setDetails] = useState(draft);
  const [own, setOwn] = useState<Faults>({});
  const offline = useOffline();
  const faults = { ...(checkout.error ? faultsIn(checkout.error) : {}), ...own };
  const total = totalOf(mine.cart.lines);
  // What is bought is the shop's cart: one that has not heard the last change has something else.
  const pending = usePending(mine.actions.topic);
  const why = reasonAgainst(issues, { offline, priced: mine.known && total !== null, pending });

  const change = (field: Field, value: string): void => {
    const next = { ...details, [field]: value };
    setDetails(next);
    keep(DRAFT, JSON.stringify(next), "session");
    if (own[field] !== undefined) setOwn({ ...own, [field]: faultsOf(next)[field] });
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const found = faultsOf(details);
    setOwn(found);
    const [first] = Object.keys(found) as Field[];
    if (first !== undefined) {
      document.getElementById(idOf(first))?.focus();
      return;
    }
    if (why === "") checkout.begin(nextOrder(mine), bodyOf(mine, details));
  };
  const props = { details, faults, onChange: change };
  return (
    <form noValidate onSubmit={submit} data-testid="checkout-form">
      <Told checkout={checkout} failed={failed} />
      <fieldset>
        <legend>Who you are</legend>
        <TextFields specs={CONTACT} {...props} />
      </fieldset>
      <fieldset>
        <legend>Where it goes</legend>
        <TextFields specs={ADDRESS} {...props} />
        <CountryField {...props} />
      </fieldset>
      <fieldset>
        <legend>How you pay</legend>
        <p className="test-note">
          <Icon name="card" size={18} /> Test payment: no money moves, and no card is needed.
        </p>
        <MethodFields {...props} />
      </fieldset>
      <div className="place">
        <button
          type="submit"
          className="button button-main"
          data-testid="place-order"
          aria-disabled={why !== ""}
          aria-describedby="place-why"
        >
          {total === null
            ? "Place the order"
            : `Place the order for ${formatMoney(total.minor, total.currency)}`}
        </button>
        <p className="buy-why" id="place-why" role="status">
          {why}
        </p>
      </div>
    </form>
  );
}

interface Standing {
  offline: boolean;
  priced: boolean;
  /** The shop has not answered the last change of the cart yet. */
  pending: boolean;
}

function reasonAgainst(issues: number, { offline, priced, pending }: Standing): string {
  if (offline)
    return "The shop cannot be reached right now. Your cart and what you typed are kept.";
  if (!priced) return "Asking the shop what is in your cart…";
  if (issues > 0) return "Something in your cart has changed. Please look at it first.";
  if (pending) return "Telling the shop what you changed in your cart…";
  return "";
}

/** What the shop is sent: which cart, who and where to. What is in the cart it knows. */
function bodyOf({ id, cart }: Cart, details: Details): Record<string, unknown> {
  return {
    ...{ cart_id: id, currency: totalOf(cart.lines)?.currency ?? "" },
    ...{ email: details.email.trim(), address: addressOf(details), method: details.method },
  };
}

function Told({ checkout, failed }: { checkout: Checkout; failed: string | null }) {
  const told = checkout.error === null ? null : checkoutTold(checkout.error);
  const text = told?.text ?? failed;
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (text !== null) place.current?.scrollIntoView({ block: "center" });
  }, [text]);
  return (
    <div role="alert" ref={place}>
      {text !== null && (
        <p className="banner" data-testid="checkout-told" data-kind={told?.kind ?? "failed"}>
          <Icon name="alert" /> {text}
        </p>
      )}
    </div>
  );
}

function Nothing() {
  return (
    <Notice
      page
      icon="bag"
      title="There is nothing to buy yet"
      actions={
        <Link className="button button-main" href="/">
          Look around
        </Link>
      }
    >
      Your cart is empty. What you put in is bought here.
    </Notice>
  );
}
