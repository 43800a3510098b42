/** How far a checkout is: each step in words, and how long the articles are kept. */

import type { OrderDocument } from "@shopwire/client";
import { useEffect, useRef } from "react";
import { Icon } from "../../shared/icons.tsx";
import { useServerNow } from "../../shared/serverTime.ts";
import { countdownText, retryText, stepsOf } from "./steps.ts";

const TICK_MS = 250;

interface ProgressProps {
  order: OrderDocument | null | undefined;
  /** Why it is being sent again; null while it is not. */
  retrying?: Error | null;
}

export function Progress({ order, retrying = null }: ProgressProps) {
  const steps = stepsOf(order);
  const now = steps.find(({ state }) => state === "now");
  const title = useRef<HTMLHeadingElement>(null);
  // The form that had the focus is gone: who uses the keyboard goes on reading here.
  useEffect(() => title.current?.focus(), []);
  return (
    <section className="progress" aria-labelledby="progress" data-testid="checkout-progress">
      <h2 id="progress" tabIndex={-1} ref={title}>
        One moment, please
      </h2>
      <ol className="progress-steps">
        {steps.map(({ name, state, text }) => (
          <li
            key={name}
            data-state={state}
            data-testid={`step-${name}`}
            aria-current={state === "now" ? "step" : undefined}
          >
            <span className="progress-sign" aria-hidden="true">
              {state === "done" && <Icon name="check" size={16} />}
            </span>
            {text}
          </li>
        ))}
      </ol>
      <p className="visually-hidden" role="status">
        {now?.text ?? "Done"}
      </p>
      {order?.status === "checking_out" && order.expires_at_ms !== null && (
        <Countdown until={order.expires_at_ms} />
      )}
      <p className="progress-note">{retryText(retrying)}</p>
    </section>
  );
}

/** Until when the articles are kept, by the server's clock. */
function Countdown({ until }: { until: number }) {
  const now = useServerNow(TICK_MS);
  if (now === null) return null;
  const left = until - now;
  return (
    <p className="countdown" data-testid="countdown">
      <Icon name="clock" size={18} />
      {left > 0 ? (
        <span>
          Kept for you for another <strong>{countdownText(left)}</strong>
        </span>
      ) : (
        <span>The time is up; the shop is looking what came of the payment.</span>
      )}
    </p>
  );
}
