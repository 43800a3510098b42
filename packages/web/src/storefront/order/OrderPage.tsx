/** An order, live: how it stands, what is in it, where its parcels are, what can be done. */

import type { Choice, Client, OrderDocument, OrderLine } from "@shopwire/client";
import { useClient, useTopic } from "@shopwire/client/react";
import { useEffect } from "react";
import { Announce, Cued } from "../../shared/cue.tsx";
import { OldMark } from "../../shared/Freshness.tsx";
import { Icon } from "../../shared/icons.tsx";
import { formatMoney } from "../../shared/money.ts";
import { Notice } from "../../shared/Notice.tsx";
import { Picture } from "../../shared/Picture.tsx";
import { Link, useTitle } from "../../shared/router.tsx";
import { momentText } from "../../shared/time.ts";
import { useOffline } from "../../shared/useOffline.ts";
import { rememberOrder } from "../cart/mine.ts";
import { useArticle } from "../cart/useArticle.ts";
import { Progress } from "../checkout/Progress.tsx";
import { failureText } from "../checkout/steps.ts";
import { pictureOf } from "../Gallery.tsx";
import { OrderActions } from "./Actions.tsx";
import { Parcels } from "./Parcels.tsx";
import { Question } from "./Question.tsx";
import { ReturnsShown, useReturns } from "./Returns.tsx";
import { MILESTONES, milestonesOf, paymentText, statusWords, unitsInWords } from "./words.ts";

export function OrderPage({ id }: { id: string }) {
  const held = useTopic(`order:${id}`);
  const order = held?.doc;
  useTitle(`${order ? `Order ${order.number}` : "Order"} · Shopwire`);
  useEffect(() => {
    if (order) rememberOrder(order.id);
  }, [order]);
  if (order) return <Shown order={order} version={held.v} />;
  return held === undefined ? <OrderSkeleton /> : <Unknown />;
}

function Shown({ order, version }: { order: OrderDocument; version: number }) {
  const returns = useReturns(order.id, version);
  const { title, text } = statusWords(order);
  const failed = order.status === "failed";
  return (
    <article className="order" data-testid="order" data-status={order.status}>
      <header className="order-head">
        <p className="order-number">
          Order <span data-testid="order-number">{order.number}</span>
        </p>
        <h1 data-testid="order-status">
          <Cued value={order.status} of={[`order:${order.id}`]}>
            {title}
          </Cued>
        </h1>
        <p className="order-text">{failed ? failureText(order.reason) : text}</p>
        <p className="soft">
          {momentText(order.placed_at_ms ?? order.started_at_ms)} <OldMark />
        </p>
        <Announce text={`The order is ${title.toLowerCase()}.`} />
      </header>
      {order.status === "checking_out" && <Progress order={order} />}
      <Milestones order={order} />
      <Questions order={order} />
      <Lines order={order} />
      <Parcels order={order} />
      <ReturnsShown order={order} returns={returns.items} />
      <OrderActions order={order} returns={returns.items} onReturn={returns.reload} />
      {failed && (
        <p className="order-buttons">
          <Link className="button button-main" href="/cart">
            Back to your cart
          </Link>
        </p>
      )}
    </article>
  );
}

function Milestones({ order }: { order: OrderDocument }) {
  const reached = milestonesOf(order.status);
  if (reached === 0) return null;
  return (
    <ol className="milestones" aria-label="The way of your order">
      {MILESTONES.map((name, at) => (
        <li
          key={name}
          data-reached={at < reached || undefined}
          aria-current={at === reached - 1 ? "step" : undefined}
        >
          {name}
        </li>
      ))}
    </ol>
  );
}

/** Tells the shop what the shopper chose; what went wrong, else null. */
async function settle(client: Client, conflict: string, sku: string, choice: Choice) {
  try {
    await client.send("orders.settle_conflict", { conflict_id: conflict, sku, choice });
    return null;
  } catch (problem) {
    return problem as Error;
  }
}

function Questions({ order }: { order: OrderDocument }) {
  const client = useClient();
  const offline = useOffline();
  return (
    <>
      {order.lines.map((line) => {
        const { conflict, conflict_sku: sku } = line;
        if (conflict === null || sku === null || line.choices.length === 0) return null;
        return (
          <Question
            key={conflict}
            line={line}
            offline={offline}
            onChoose={(choice) => settle(client, conflict, sku, choice)}
          />
        );
      })}
    </>
  );
}

function Lines({ order }: { order: OrderDocument }) {
  const { currency } = order;
  return (
    <section className="order-part" aria-labelledby="articles">
      <h2 id="articles">Articles</h2>
      <ul className="order-lines">
        {order.lines.map((line) => (
          <OrderLineShown
            key={line.sku}
            line={line}
            currency={currency}
            of={[`order:${order.id}`]}
          />
        ))}
      </ul>
      <dl className="order-sums">
        <div>
          <dt>Sum</dt>
          <dd data-testid="order-total">{formatMoney(order.total_minor, currency)}</dd>
        </div>
        {order.refunded_minor > 0 && (
          <div>
            <dt>Given back</dt>
            <dd data-testid="order-refunded">
              <Cued value={order.refunded_minor} of={[`order:${order.id}`]}>
                {formatMoney(order.refunded_minor, currency)}
              </Cued>
            </dd>
          </div>
        )}
        <div>
          <dt>Payment</dt>
          <dd data-testid="order-payment">
            <Cued value={order.payment} of={[`order:${order.id}`]}>
              {paymentText(order.payment)}
            </Cued>
          </dd>
        </div>
      </dl>
    </section>
  );
}

interface OrderLineProps {
  line: OrderLine;
  currency: string;
  /** The topics that its state is of. */
  of: readonly string[];
}

function OrderLineShown({ line, currency, of }: OrderLineProps) {
  const article = useArticle(line.sku);
  const words = unitsInWords(line);
  return (
    <li data-testid="order-line" data-sku={line.sku} data-state={line.state}>
      <span className="summary-picture">
        {article ? (
          <Picture
            product={article.product}
            image={article.product.images[pictureOf(article.product, article.variant)]}
            size={144}
            alt=""
          />
        ) : (
          <Icon name="boxes" />
        )}
      </span>
      <div>
        <p className="order-title">
          {article ? <Link href={article.href}>{article.title}</Link> : line.title}
        </p>
        <p className="soft">
          {line.quantity} × {formatMoney(line.price_minor, currency)}
        </p>
      </div>
      <p className="order-state">
        <Cued value={words} of={of}>
          {words}
        </Cued>
      </p>
      <p className="summary-sum">{formatMoney(line.price_minor * line.quantity, currency)}</p>
    </li>
  );
}

function Unknown() {
  return (
    <Notice
      page
      icon="search"
      title="There is no such order"
      actions={
        <Link className="button" href="/orders">
          Your orders
        </Link>
      }
    >
      The address may have a slip in it. An order's address is only known to whoever made it.
    </Notice>
  );
}

function OrderSkeleton() {
  return (
    <div className="order" aria-busy="true">
      <p className="visually-hidden">Loading the order</p>
      <span className="skeleton skeleton-line skeleton-short" aria-hidden="true" />
      <span className="skeleton skeleton-title" aria-hidden="true" />
      <span className="skeleton skeleton-line" aria-hidden="true" />
    </div>
  );
}
