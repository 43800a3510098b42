/** The pages of buying; loaded when somebody goes there. */

import { match } from "../shared/router.tsx";
import { CartPage } from "./cart/CartPage.tsx";
import { CheckoutPage } from "./checkout/CheckoutPage.tsx";
import { OrderPage } from "./order/OrderPage.tsx";
import { OrdersPage } from "./order/OrdersPage.tsx";
import "../styles/buying.css";
import "../styles/order.css";
import "../styles/progress.css";

/** Whether a path is one of these pages. */
export default function Buying({ path }: { path: string }) {
  const order = match("/order/:id", path);
  if (order) return <OrderPage key={order.id} id={order.id ?? ""} />;
  if (match("/checkout", path)) return <CheckoutPage />;
  if (match("/orders", path)) return <OrdersPage />;
  return <CartPage />;
}
