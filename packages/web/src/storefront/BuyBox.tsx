/** Price, stock and the button of one variant; all of it live. */

import { UnknownOutcome } from "@shopwire/client";
import { useCommand, useStatus, useTopics } from "@shopwire/client/react";
import { useEffect, useId } from "react";
import { Announce, Cued } from "../shared/cue.tsx";
import type { Price, Stock } from "../shared/documents.ts";
import { OldMark } from "../shared/Freshness.tsx";
import { Icon } from "../shared/icons.tsx";
import { formatMoney } from "../shared/money.ts";
import { blockedBy, buyMessage, type SellResult } from "./buy.ts";
import { stockWording, wasMinor } from "./offer.ts";

interface BuyBoxProps {
  sku: string;
  /** What the page came with, until the live documents are there. */
  price: Price | null;
  stock: Stock | null;
}

export function BuyBox({ sku, ...first }: BuyBoxProps) {
  const [liveStock] = useTopics([`stock:${sku}`]);
  const [livePrice] = useTopics([`price:${sku}`]);
  const price = livePrice ? livePrice.doc : first.price;
  const stock = liveStock ? liveStock.doc : first.stock;
  const words = stockWording(stock?.available ?? 0, stock?.status ?? null);
  const money = price && formatMoney(price.amount_minor, price.currency);
  return (
    <div className="buy-box">
      <p className="buy-price">
        <PriceShown price={price} />
        <OldMark />
      </p>
      <p className="buy-stock" data-stock={stock?.status}>
        <Cued value={stock?.available ?? null} className="stock" testId="product-stock">
          {words}
        </Cued>
      </p>
      <Buy sku={sku} available={stock?.available ?? null} priced={price !== null} />
      <Announce key={sku} text={`Now: ${money ?? "no price"}, ${words}.`} />
    </div>
  );
}

function PriceShown({ price }: { price: Price | null }) {
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
      <Cued value={price.amount_minor} className="price" testId="product-price">
        {formatMoney(price.amount_minor, price.currency)}
      </Cued>
      {was !== null && (
        <s className="price-was">
          <span className="visually-hidden">before </span>
          {formatMoney(was, price.currency)}
        </s>
      )}
    </>
  );
}

interface BuyProps {
  sku: string;
  available: number | null;
  priced: boolean;
}

/** One press is one order: its key stays the same until an answer came. */
function Buy({ sku, available, priced }: BuyProps) {
  const { status } = useStatus();
  const command = useCommand<SellResult>("inventory.sell_stock");
  const id = useId();
  const blocked = blockedBy({ offline: status === "offline", available, priced });
  const message = buyMessage(command);
  const { reset } = command;
  // biome-ignore lint/correctness/useExhaustiveDependencies: an answer belongs to the variant it came for.
  useEffect(() => reset(), [sku, reset]);

  const press = (): void => {
    if (blocked !== null || command.pending) return;
    const key = command.error instanceof UnknownOutcome ? command.error.key : crypto.randomUUID();
    void command.send({ sku, quantity: 1, reference: `web-${key.slice(0, 8)}` }, { key });
  };
  return (
    <>
      <button
        type="button"
        className="button button-main"
        data-testid="buy"
        aria-disabled={blocked !== null || command.pending}
        aria-describedby={id}
        onClick={press}
      >
        {blocked?.label ?? "Buy one"}
      </button>
      <p className="buy-why" id={id}>
        {blocked?.reason}
      </p>
      <div role="status">
        {message !== null && (
          <p className="buy-message" data-tone={message.tone} data-testid="buy-message">
            {message.tone === "good" && <Icon name="check" size={18} />}
            {message.tone === "bad" && <Icon name="alert" size={18} />}
            {message.text}
          </p>
        )}
      </div>
    </>
  );
}
