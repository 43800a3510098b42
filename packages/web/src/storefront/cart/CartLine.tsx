/** A line of the cart: what it costs and how many there are now, and what changed since. */

import { usePending } from "@shopwire/client/react";
import { Cued } from "../../shared/cue.tsx";
import { Icon } from "../../shared/icons.tsx";
import { formatMoney } from "../../shared/money.ts";
import { Picture } from "../../shared/Picture.tsx";
import { Link } from "../../shared/router.tsx";
import { pictureOf } from "../Gallery.tsx";
import { stockWording } from "../offer.ts";
import { type Issue, issuesOf, type Row, sellableOf, toAccept, type Wanted } from "./cart.ts";
import { Faster, Instead } from "./Instead.tsx";
import { Quantity } from "./Quantity.tsx";
import { Refused } from "./Refused.tsx";
import { type Article, useArticle } from "./useArticle.ts";
import type { Cart } from "./useCart.ts";
import { issueText } from "./words.ts";

interface CartLineProps {
  row: Row;
  cart: Cart;
  offline: boolean;
}

export function CartLine({ row, cart, offline }: CartLineProps) {
  const { line, stock } = row;
  const { actions } = cart;
  const article = useArticle(line.sku);
  const pending = usePending(actions.topic);
  const open = cart.cart.status === "open";
  const issues = open ? issuesOf(row) : [];
  const title = article?.title ?? line.sku;
  const want = (quantity: number): void => void actions.put({ ...line, quantity });
  return (
    <li className="cart-line" data-testid="cart-line" data-sku={line.sku} data-pending={pending}>
      <div className="cart-picture">
        {article && (
          <Picture
            product={article.product}
            image={article.product.images[pictureOf(article.product, article.variant)]}
            size={240}
            alt=""
          />
        )}
      </div>
      <div className="cart-words">
        <h2 className="cart-title">
          {article ? <Link href={article.href}>{title}</Link> : <span>{title}</span>}
        </h2>
        <p className="cart-facts" data-stock={stock?.status}>
          <span>{formatMoney(line.accepted_minor, line.currency)} each</span>
          {stock && (
            <Cued
              value={stock.available}
              of={[`stock:${line.sku}`, `price:${line.sku}`]}
              className="stock"
              testId="line-stock"
            >
              {stockWording(stock.available, stock.status)}
            </Cued>
          )}
        </p>
      </div>
      <div className="cart-amount">
        <Quantity
          of={title}
          value={line.quantity}
          least={1}
          most={stock ? Math.max(sellableOf(stock), 1) : line.quantity}
          disabled={!open}
          onChange={want}
        />
        <button
          type="button"
          className="cart-remove"
          data-testid="remove"
          aria-label={`Remove ${title}`}
          aria-disabled={!open}
          onClick={() => open && want(0)}
        >
          Remove
        </button>
      </div>
      <p className="cart-sum">
        <Cued value={line.accepted_minor * line.quantity} of={[actions.topic]} testId="line-sum">
          {formatMoney(line.accepted_minor * line.quantity, line.currency)}
        </Cued>
      </p>
      <div className="cart-news">
        {pending && offline && <Kept />}
        <Refused sku={line.sku} title={title} cart={cart} />
        {issues.map((issue) => (
          <IssueShown key={issue.kind} issue={issue} row={row} cart={cart} article={article} />
        ))}
      </div>
    </li>
  );
}

/** Said while the shop cannot be reached: what was pressed is not lost. */
function Kept() {
  return (
    <p className="cart-kept" data-testid="line-kept">
      Kept on this device. It is sent as soon as the shop can be reached.
    </p>
  );
}

/** A change at a line, with what can be done about it. */
interface IssueProps {
  issue: Issue;
  row: Row;
  cart: Cart;
  article: Article | null | undefined;
}

export function IssueShown({ issue, row, cart, article }: IssueProps) {
  const { line } = row;
  const { actions } = cart;
  const text = issueText(issue, line.quantity);
  if (issue.kind === "price") {
    return (
      <div className="cart-change" data-testid="price-change" role="status">
        <p>
          <span>{text}</span>
          <OldAndNew issue={issue} currency={row.price?.currency ?? line.currency} />
        </p>
        <button
          type="button"
          className="button button-small"
          data-testid="accept-price"
          onClick={() => void actions.accept(toAccept([row]))}
        >
          Take it at the new price
        </button>
      </div>
    );
  }
  if (issue.kind === "withdrawn") return <Faster text={text} />;
  const swap = (wanted: Wanted): void => {
    void actions.put(wanted).then((fine) => {
      if (fine) void actions.put({ ...line, quantity: 0 });
    });
  };
  return (
    <Faster text={text}>
      {issue.left > 0 && (
        <button
          type="button"
          className="button button-small"
          data-testid="take-left"
          onClick={() => void actions.put({ ...line, quantity: issue.left })}
        >
          {issue.left === 1 ? "Take the one that is left" : `Take the ${issue.left} that are left`}
        </button>
      )}
      {article && <Instead article={article} quantity={line.quantity} onTake={swap} />}
    </Faster>
  );
}

interface OldAndNewProps {
  issue: { readonly from: number; readonly to: number };
  currency: string;
}

function OldAndNew({ issue: { from, to }, currency }: OldAndNewProps) {
  return (
    <span className="old-new">
      <s>
        <span className="visually-hidden">It was </span>
        {formatMoney(from, currency)}
      </s>
      <Icon name="right" size={14} />
      <strong>
        <span className="visually-hidden">and is now </span>
        {formatMoney(to, currency)}
      </strong>
    </span>
  );
}
