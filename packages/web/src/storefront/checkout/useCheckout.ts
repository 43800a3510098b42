/** Sends an attempt until there is an answer, and takes up again what a reload interrupted. */

import { CODES, ShopwireError } from "@shopwire/client";
import { useClient } from "@shopwire/client/react";
import { useCallback, useEffect, useRef, useState } from "react";
import { rememberOrder } from "../cart/mine.ts";
import { type Attempt, beginAttempt, endAttempt, openAttempt } from "./attempt.ts";

export interface Checkout {
  readonly pending: boolean;
  /** Why it is being sent again; null while it is not. */
  readonly retrying: Error | null;
  readonly error: Error | null;
  /** The order that was made, or is being made. */
  readonly order: string | null;
  readonly begin: (body: Readonly<Record<string, unknown>>) => void;
  readonly forget: () => void;
}

interface State {
  readonly pending: boolean;
  readonly retrying: Error | null;
  readonly error: Error | null;
  readonly order: string | null;
}

const IDLE: State = { pending: false, retrying: null, error: null, order: null };

/** Whether a refusal is the answer to the attempt, or only says that there is none yet. */
function isFinal(problem: unknown): boolean {
  if (!(problem instanceof ShopwireError)) return false;
  return !problem.temporary || problem.code === CODES.HoldLimit;
}

export function useCheckout(cart: string): Checkout {
  const client = useClient();
  const [state, setState] = useState<State>(IDLE);
  const busy = useRef(false);

  const send = useCallback(
    async ({ key, body }: Attempt) => {
      if (busy.current) return;
      busy.current = true;
      setState({ ...IDLE, pending: true });
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
        setState({ ...IDLE, error: problem as Error, order: orderIn(problem) });
      } finally {
        busy.current = false;
      }
    },
    [client, cart],
  );

  useEffect(() => {
    const open = openAttempt(cart);
    if (open !== null) void send(open);
  }, [cart, send]);

  const begin = useCallback(
    (body: Readonly<Record<string, unknown>>) => void send(beginAttempt(cart, body)),
    [cart, send],
  );
  const forget = useCallback(() => setState(IDLE), []);
  return { ...state, begin, forget };
}

/** The order that a cart in another window's checkout belongs to. */
function orderIn(problem: unknown): string | null {
  if (!(problem instanceof ShopwireError) || problem.code !== CODES.CartClosed) return null;
  return typeof problem.data.order === "string" ? problem.data.order : null;
}
