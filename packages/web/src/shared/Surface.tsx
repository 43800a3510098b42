/** One client for each of the two surfaces: a shopper's and an operator's connection are apart. */

import { type Client, createClient } from "@shopwire/client";
import { ShopwireProvider } from "@shopwire/client/react";
import { type ReactNode, useEffect } from "react";
import { endIfOver, type SessionRole, tokensOf } from "./session.ts";

const clients = new Map<SessionRole, Client>();

function clientOf(role: SessionRole): Client {
  let client = clients.get(role);
  if (client === undefined) {
    client = createClient({
      ...{ url: window.location.origin, token: tokensOf(role) },
      hubs: true,
    });
    clients.set(role, client);
  }
  return client;
}

export function Surface({ who, children }: { who: SessionRole; children: ReactNode }) {
  const client = clientOf(who);
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
