/** What is about to be bought, live: whoever was faster elsewhere is told of here at once. */

import { Cued } from "../../shared/cue.tsx";
import { formatMoney } from "../../shared/money.ts";
import { Picture } from "../../shared/Picture.tsx";
import { Link } from "../../shared/router.tsx";
import { IssueShown } from "../cart/CartLine.tsx";
import { issuesOf, type Row, totalOf } from "../cart/cart.ts";
import { useArticle } from "../cart/useArticle.ts";
import type { Cart } from "../cart/useCart.ts";
import { pictureOf } from "../Gallery.tsx";

interface SummaryProps {
  rows: readonly Row[];
  cart: Cart;
  /** While it is being bought what is short is ours: the articles are put aside. */
  quiet: boolean;
}

export function Summary({ rows, cart, quiet }: SummaryProps) {
  const total = totalOf(cart.cart.lines);
  return (
    <aside className="summary" aria-label="What you are buying">
      <h2>What you are buying</h2>
      <ul>
        {rows.map((row) => (
          <SummaryLine key={row.line.sku} row={row} cart={cart} quiet={quiet} />
        ))}
      </ul>
      <p className="cart-total-line">
        <span>Sum</span>
        <span className="cart-total-amount">
          {total && (
            <Cued value={total.minor} of={[cart.actions.topic]} testId="checkout-total">
              {formatMoney(total.minor, total.currency)}
            </Cued>
          )}
        </span>
      </p>
      {!quiet && <Link href="/cart">Change the cart</Link>}
    </aside>
  );
}

interface SummaryLineProps extends Omit<SummaryProps, "rows"> {
  row: Row;
}

function SummaryLine({ row, cart, quiet }: SummaryLineProps) {
  const { line } = row;
  const article = useArticle(line.sku);
  const issues = quiet ? [] : issuesOf(row);
  return (
    <li data-testid="summary-line" data-sku={line.sku}>
      <div className="summary-row">
        <span className="summary-picture">
          {article && (
            <Picture
              product={article.product}
              image={article.product.images[pictureOf(article.product, article.variant)]}
              size={112}
              alt=""
            />
          )}
          <span className="summary-quantity" aria-hidden="true">
            {line.quantity}
          </span>
        </span>
        <span className="summary-title">
          <span className="visually-hidden">{line.quantity} times </span>
          {article?.title ?? line.sku}
        </span>
        <span className="summary-sum">
          {formatMoney(line.accepted_minor * line.quantity, line.currency)}
        </span>
      </div>
      {issues.map((issue) => (
        <IssueShown key={issue.kind} issue={issue} row={row} cart={cart} article={article} />
      ))}
    </li>
  );
}
