/** Sends an attempt until there is an answer, and takes up again what was interrupted. */

import { CODES, type OrderDocument, ShopwireError, UnknownOutcome } from "@shopwire/client";
import { useClient, useStatus } from "@shopwire/client/react";
import { useCallback, useEffect, useRef, useState } from "react";
import { rememberOrder } from "../cart/mine.ts";
import { type Attempt, beginAttempt, endAttempt, openAttempt } from "./attempt.ts";

interface State {
  readonly pending: boolean;
  /** Why it is being sent again; null while it is not. */
  readonly retrying: Error | null;
  readonly error: Error | null;
  /** The order that the last attempt makes or made; null before the first. */
  readonly order: string | null;
}

export interface Checkout extends State {
  /** Sends the attempt that makes this order. */
  readonly begin: (order: string, body: Attempt["body"]) => void;
  /** Takes what the order's document says for the answer that did not come. */
  readonly settle: (order: OrderDocument) => void;
}

const IDLE: State = { pending: false, retrying: null, error: null, order: null };

/** Whether a refusal is the answer to the attempt, or only says that there is none yet. */
function isFinal(problem: unknown): boolean {
  if (!(problem instanceof ShopwireError)) return false;
  return !problem.temporary || problem.code === CODES.HoldLimit;
}

export function useCheckout(cart: string): Checkout {
  const client = useClient();
  const { status } = useStatus();
  const [state, setState] = useState<State>(IDLE);
  const busy = useRef(false);
  const cutOff = useRef(false);

  const send = useCallback(
    async ({ key, order, body }: Attempt) => {
      if (busy.current) return;
      busy.current = true;
      setState({ ...IDLE, order, pending: true });
      const onRetry = (_attempt: number, retrying: Error) =>
        setState((was) => ({ ...was, retrying }));
      try {
        const { result } = await client.post<{ order_id: string }>("/api/checkout", body, {
          ...{ key, onRetry },
        });
        endAttempt(cart);
        rememberOrder(result.order_id);
        setState({ ...IDLE, order: result.order_id });
      } catch (problem) {
        if (isFinal(problem)) endAttempt(cart);
        setState({ ...IDLE, error: problem as Error, order: orderIn(problem) ?? order });
      } finally {
        busy.current = false;
      }
    },
    [client, cart],
  );

  // After a reload: what was begun goes on by itself.
  useEffect(() => {
    const open = openAttempt(cart);
    if (open !== null) void send(open);
  }, [cart, send]);

  // After an outage as well, once; a later one is another.
  const unanswered = state.error instanceof UnknownOutcome;
  useEffect(() => {
    if (status === "offline") cutOff.current = true;
    if (status !== "live" || !cutOff.current || !unanswered) return;
    cutOff.current = false;
    const open = openAttempt(cart);
    if (open !== null) void send(open);
  }, [status, unanswered, cart, send]);

  const begin = useCallback(
    (order: string, body: Attempt["body"]) => void send(beginAttempt(cart, order, body)),
    [cart, send],
  );
  const settle = useCallback(
    (order: OrderDocument) => {
      if (openAttempt(cart)?.order !== order.id) return;
      endAttempt(cart);
      setState({ ...IDLE, order: order.id });
    },
    [cart],
  );
  return { ...state, begin, settle };
}

/** The order that a cart in another window's checkout belongs to. */
function orderIn(problem: unknown): string | null {
  if (!(problem instanceof ShopwireError) || problem.code !== CODES.CartClosed) return null;
  return typeof problem.data.order === "string" ? problem.data.order : null;
}
