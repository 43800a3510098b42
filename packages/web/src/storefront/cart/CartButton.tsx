/** The cart in the header: how many articles are in it, on every page. */

import { useEffect } from "react";
import { useChangeCue } from "../../shared/cue.tsx";
import { Icon } from "../../shared/icons.tsx";
import { Link } from "../../shared/router.tsx";
import { unitsOf } from "./cart.ts";
import { rememberOrder, replaceCart } from "./mine.ts";
import { useCart } from "./useCart.ts";
import { unitsText } from "./words.ts";

export function CartButton() {
  const { cart, id } = useCart();
  const units = unitsOf(cart);
  const cue = useChangeCue(units);
  const { status, order_id } = cart;
  useEffect(() => {
    if (order_id !== null) rememberOrder(order_id);
    // What was bought is an order; the next article goes into a new cart.
    if (status === "ordered") replaceCart(id);
  }, [status, order_id, id]);
  return (
    <Link
      className="cart-button"
      href="/cart"
      aria-label={units === 0 ? "Cart, empty" : `Cart, ${unitsText(units)}`}
      data-testid="cart-button"
    >
      <Icon name="bag" />
      <span
        className="cart-count"
        data-testid="cart-count"
        data-cue={cue ?? undefined}
        hidden={units === 0}
      >
        {units > 99 ? "99+" : units}
      </span>
    </Link>
  );
}
