/** WebSocket. */

import type { Link, LinkEvents, Transport } from "./transport.ts";

export type WebSocketFactory = (url: string) => WebSocket;

export function webSocketTransport(
  url: string,
  create: WebSocketFactory = (address) => new WebSocket(address),
): Transport {
  return {
    name: "websocket",
    connect(events: LinkEvents): Link {
      const socket = create(url);
      let ended = false;
      const end = (code: number, reason: string) => {
        if (ended) return;
        ended = true;
        events.closed(code, reason);
      };
      socket.onopen = () => {
        if (!ended) events.opened();
      };
      socket.onmessage = (event) => {
        if (!ended && typeof event.data === "string") events.message(event.data);
      };
      // An error is always followed by a close, which has the code.
      socket.onclose = (event) => end(event.code, event.reason);
      return {
        send: (text) => {
          if (socket.readyState === 1) socket.send(text);
        },
        close: (code, reason) => {
          // A half-open connection never confirms: for us it has ended now.
          socket.close(code, reason);
          end(code, reason);
        },
      };
    },
  };
}
