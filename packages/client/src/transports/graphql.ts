/**
 * GraphQL subscriptions (graphql-transport-ws), for pages that have that door anyway:
 * docs/protocol/graphql.md. A subscription has its topics in its variables, so another one is begun,
 * from the versions that were seen, when the set changes. Commands go over HTTP.
 */

import type { Json } from "../core/protocol.ts";
import { HeldTopics } from "./held.ts";
import type { Link, LinkEvents, Transport } from "./transport.ts";

export type GraphqlSocketFactory = (url: string, protocol: string) => WebSocket;

const PROTOCOL = "graphql-transport-ws";
const TOPICS = `subscription ($names: [String!]!, $have: JSON, $epoch: BigInt) {
  topics(names: $names, have: $have, epoch: $epoch)
}`;
/** Asked for where nothing else is. */
const ANY_TOPIC = "category:all";

/** What arrives over graphql-transport-ws. */
interface Frame {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
}

interface Refused {
  readonly message: string;
  readonly extensions?: Json;
}

/** `url` is that of GraphQL's WebSocket, `wss://shop.example/graphql`. */
export function graphqlTransport(
  url: string,
  create: GraphqlSocketFactory = (address, protocol) => new WebSocket(address, protocol),
): Transport {
  return { name: "graphql", connect: (events) => new GraphqlLink(url, create, events) };
}

class GraphqlLink implements Link {
  readonly #url: string;
  readonly #create: GraphqlSocketFactory;
  readonly #events: LinkEvents;
  readonly #held = new HeldTopics();
  #socket: WebSocket | null = null;
  #ready = false;
  #scheduled = false;
  #number = 0;
  /** Subs that the subscription of now answers. */
  #answers: readonly number[] = [];
  #ended = false;

  constructor(url: string, create: GraphqlSocketFactory, events: LinkEvents) {
    this.#url = url;
    this.#create = create;
    this.#events = events;
    this.#socket = this.#open(() => events.opened());
  }

  send(text: string): void {
    const asked = this.#held.take(text);
    if (asked === "hello") this.#greet();
    // Who speaks is said once a connection: another one begins.
    if (asked === "auth") this.#socket = this.#open(() => this.#greet());
    if (asked === "sub") this.#schedule();
  }

  close(code: number, reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket?.close(1000);
    this.#events.closed(code, reason);
  }

  #open(then: () => void): WebSocket {
    const before = this.#socket;
    this.#ready = false;
    const socket = this.#create(this.#url, PROTOCOL);
    const mine = () => socket === this.#socket && !this.#ended;
    socket.onopen = () => mine() && then();
    socket.onmessage = (event) => mine() && this.#hear(JSON.parse(String(event.data)) as Frame);
    socket.onclose = (event) => mine() && this.close(codeOf(event.code), event.reason);
    before?.close(1000);
    return socket;
  }

  #greet(): void {
    const { token } = this.#held;
    this.#say({ type: "connection_init", payload: token === null ? {} : { token } });
  }

  #hear(frame: Frame): void {
    switch (frame.type) {
      case "connection_ack":
        this.#ready = true;
        this.#schedule();
        break;
      case "ping":
        this.#say({ type: "pong" });
        break;
      case "next":
        if (frame.id === String(this.#number)) this.#next(frame.payload as { data?: Json });
        break;
      case "error":
        if (frame.id === String(this.#number)) this.#refused(frame.payload as Refused[]);
        break;
      case "complete":
        if (frame.id === String(this.#number)) this.close(1006, "the subscription ended");
        break;
    }
  }

  #next({ data, errors }: { data?: Json | null; errors?: Refused[] }): void {
    if (errors !== undefined) {
      this.#refused(errors);
      return;
    }
    const said = data?.topics as { t: string; code?: number; reason?: string };
    if (said.t === "close") {
      this.close(said.code ?? 1006, said.reason ?? "");
      return;
    }
    const tell = (text: string) => this.#events.message(text);
    this.#held.pass(JSON.stringify(said), this.#answers, tell);
  }

  #refused([refused]: readonly Refused[]): void {
    const error = { ...refused?.extensions, message: refused?.message ?? "", t: "error", id: null };
    this.#events.message(JSON.stringify(error));
    this.close(1006, "the subscription was refused");
  }

  /** Subscribes anew for what was just said, once for all of it. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.#ready && !this.#ended) this.#subscribe();
    });
  }

  #subscribe(): void {
    const { have, epoch } = this.#held;
    if (this.#number > 0) this.#say({ type: "complete", id: String(this.#number) });
    this.#number += 1;
    this.#answers = [...this.#held.waiting];
    const held = Object.fromEntries([...have].filter(([, v]) => v !== null));
    const names = have.size === 0 ? [ANY_TOPIC] : [...have.keys()];
    const payload = { query: TOPICS, variables: { names, have: held, epoch } };
    this.#say({ type: "subscribe", id: String(this.#number), payload });
  }

  #say(frame: object): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }
}

/** Codes of graphql-transport-ws are not those of sync: the connection was cut, whatever they say. */
function codeOf(code: number): number {
  return code >= 4400 && code < 4500 ? 1006 : code;
}
