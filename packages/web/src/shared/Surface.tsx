/** One client for each surface: a shopper's, an operator's and a supplier's connection are apart. */

import { Client, type ClientOptions } from "@shopwire/client";
import { ShopwireProvider } from "@shopwire/client/react";
import { type ReactNode, useEffect } from "react";
import { endIfOver, type SessionRole, tokensOf } from "./session.ts";

const clients = new Map<SessionRole, { readonly subject: string; readonly client: Client }>();

/** Who comes after somebody else gets another client: the first one's speaks and knows as they do. */
function clientOf(role: SessionRole, subject: string, made: Made): Client {
  const known = clients.get(role);
  if (known?.subject === subject) return known.client;
  const own = { url: window.location.origin, token: tokensOf(role), hubs: true };
  const client = new Client({ ...own, ...made.options?.() });
  made.ready?.(client);
  clients.set(role, { subject, client });
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
  /** Whose session it is, where one can be left for another's without loading the page again. */
  subject?: string;
  made?: Made;
  children: ReactNode;
}

const AS_IT_IS: Made = {};

export function Surface({ who, subject = "", made = AS_IT_IS, children }: SurfaceProps) {
  const client = clientOf(who, subject, made);
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
