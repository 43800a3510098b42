/** One client for each of the two surfaces: a shopper's and an operator's connection are apart. */

import { Client, type ClientOptions } from "@shopwire/client";
import { ShopwireProvider } from "@shopwire/client/react";
import { type ReactNode, useEffect } from "react";
import { endIfOver, type SessionRole, tokensOf } from "./session.ts";

const clients = new Map<SessionRole, Client>();

function clientOf(role: SessionRole, made: Made): Client {
  let client = clients.get(role);
  if (client === undefined) {
    const own = { url: window.location.origin, token: tokensOf(role), hubs: true };
    client = new Client({ ...own, ...made.options?.() });
    made.ready?.(client);
    clients.set(role, client);
  }
  return client;
}

/** What a surface's client does more than the other's; asked once for each page. */
export interface Made {
  readonly options?: () => Partial<ClientOptions>;
  /** Called once, before it begins. */
  readonly ready?: (client: Client) => void;
}

interface SurfaceProps {
  who: SessionRole;
  made?: Made;
  children: ReactNode;
}

const AS_IT_IS: Made = {};

export function Surface({ who, made = AS_IT_IS, children }: SurfaceProps) {
  const client = clientOf(who, made);
  useEffect(() => {
    client.start();
    // What was taken back may mean that the account is closed: then the session is over here, too.
    const stop = client.onRefusal((_topic, { reason }) => {
      if (reason !== undefined) void endIfOver(who);
    });
    return () => {
      stop();
      client.stop();
    };
  }, [client, who]);
  return <ShopwireProvider client={client}>{children}</ShopwireProvider>;
}
