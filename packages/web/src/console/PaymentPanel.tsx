/** An order's money: what was promised, taken and given back, and every posting of its ledger. */

import type { PaymentDocument } from "@shopwire/client";
import { useTopic } from "@shopwire/client/react";
import { Cued } from "../shared/cue.tsx";
import type { PaymentStory } from "../shared/documents.ts";
import { formatMoney } from "../shared/money.ts";
import { clockText, momentText } from "../shared/time.ts";
import { Scroll } from "./Scroll.tsx";
import { StateWord } from "./StateWord.tsx";
import { accountText, paymentState, spelled } from "./words.ts";

interface PanelProps {
  id: string;
  story: PaymentStory | null;
  currency: string;
}

export function PaymentPanel({ id, story, currency }: PanelProps) {
  const payment = useTopic(`payment:${id}`)?.doc;
  if (!payment) return null;
  return (
    <section className="panel" aria-labelledby="payment" data-testid="payment">
      <div className="panel-head">
        <h2 id="payment">Payment</h2>
        <span>
          <Cued value={payment.state} of={[`payment:${id}`]}>
            <StateWord state={paymentState(payment.state)} testId="payment-state" />
          </Cued>{" "}
          at {payment.provider}
        </span>
      </div>
      <dl className="amounts">
        {amountsOf(payment).map(({ label, minor }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              <Cued value={minor} of={[`payment:${id}`]}>
                {formatMoney(minor, currency)}
              </Cued>
            </dd>
          </div>
        ))}
      </dl>
      {payment.reason !== "" && <p className="panel-note warn">{spelled(payment.reason)}</p>}
      {story && story.ledger.length > 0 && <Postings story={story} />}
    </section>
  );
}

/** Amounts that say something; what was asked for always does. */
export function amountsOf(payment: PaymentDocument): readonly { label: string; minor: number }[] {
  const all = [
    { label: "Asked for", minor: payment.amount_minor },
    { label: "Promised", minor: payment.authorised_minor },
    { label: "Being taken", minor: payment.capturing_minor },
    { label: "Taken", minor: payment.captured_minor },
    { label: "Released", minor: payment.released_minor },
    { label: "Being given back", minor: payment.refunding_minor },
    { label: "Given back", minor: payment.refunded_minor },
    { label: "Charged back", minor: payment.charged_back_minor },
  ];
  return all.filter(({ minor }, at) => at === 0 || minor > 0);
}

/** Whether each amount went from somewhere to somewhere: the balances of all accounts are none. */
export function isBalanced(balances: PaymentStory["balances"]): boolean {
  const sums = new Map<string, number>();
  for (const { currency, balance_minor } of balances) {
    sums.set(currency, (sums.get(currency) ?? 0) + balance_minor);
  }
  return [...sums.values()].every((sum) => sum === 0);
}

function balanceText(balances: PaymentStory["balances"]): string {
  if (!isBalanced(balances)) {
    return "The balances of the accounts do not add up to nothing: run the audit.";
  }
  const said = balances
    .filter(({ balance_minor }) => balance_minor !== 0)
    .map((one) => `${accountText(one.account)} ${formatMoney(one.balance_minor, one.currency)}`);
  return said.length > 0 ? `Balances: ${said.join(", ")}; together nothing.` : "All even.";
}

function Postings({ story: { ledger, balances } }: { story: PaymentStory }) {
  return (
    <>
      <Scroll label="Postings">
        <table className="data">
          <caption className="visually-hidden">Postings</caption>
          <thead>
            <tr>
              <th scope="col">Posting</th>
              <th scope="col">Debit</th>
              <th scope="col">Credit</th>
              <th scope="col" className="number">
                Amount
              </th>
              <th scope="col">When</th>
            </tr>
          </thead>
          <tbody>
            {ledger.map((one) => (
              <tr key={one.seq} data-testid="posting">
                <th scope="row" title={one.posting}>
                  {spelled(one.posting.split("/")[0] ?? "")}
                </th>
                <td>{accountText(one.debit)}</td>
                <td>{accountText(one.credit)}</td>
                <td className="number">{formatMoney(one.amount_minor, one.currency)}</td>
                <td>
                  <time dateTime={new Date(one.at_ms).toISOString()} title={momentText(one.at_ms)}>
                    {clockText(one.at_ms)}
                  </time>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
      <p className="panel-note" data-balanced={isBalanced(balances)} data-testid="balance">
        {balanceText(balances)}
      </p>
    </>
  );
}
