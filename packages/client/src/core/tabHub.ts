/**
 * The server's part for the other tabs: what this tab receives goes on to them, by the messages of
 * the protocol. To a follower it is one more way to connect, with snapshot, resume and gap as ever.
 */

import type { Clock } from "./clock.ts";
import { CODES } from "./codes.ts";
import type { ClientMessage, Item, ServerMessage } from "./protocol.ts";
import type { StatusTracker } from "./status.ts";
import type { Steps } from "./steps.ts";
import type { Store } from "./store.ts";
import type { Refusal } from "./subscriptions.ts";
import type { Bus } from "./tabPorts.ts";
import type { TopicState } from "./topicStates.ts";

/** Followers that say nothing for so long are taken for gone; they sign every 10 s. */
export const FOLLOWER_SILENCE_MS = 30_000;
/** Number of an answer that no follower has asked for. */
const NOBODYS = -1;
/** Beats of a leader, as of a server. */
const BEAT_MS = 2_000;

/** From a follower to the leader. */
export type ToLeader = { to: "leader"; link: string } & (
  | { k: "open" }
  | { k: "say"; text: string }
  | { k: "close" }
);
/** From the leader to one follower's link, or to all: `ready` where the leader can serve. */
export type FromLeader =
  | { to: "link"; link: string; k: "opened" }
  | { to: "link"; link: string; k: "text"; text: string }
  | { to: "link"; link: string; k: "closed"; code: number; reason: string }
  | { to: "all"; k: "ready" };

export interface Upstream {
  readonly store: Store;
  readonly status: StatusTracker;
  readonly clock: Clock;
  isOpen(): boolean;
  /** Who the server says that the caller is; null before that. */
  role(): string | null;
  subscribe(topics: Iterable<string>): () => void;
  stateOf(topic: string): TopicState;
  refusal(topic: string): Refusal | undefined;
}

interface FollowerTopic {
  /** Gives the leader's own subscription back. */
  readonly giveBack: () => void;
  /** The version that the follower said it has. */
  have: number | undefined;
  /** Whether it has what the leader has, so that patches fit. */
  given: boolean;
}

interface Follower {
  readonly topics: Map<string, FollowerTopic>;
  readonly subs: { id: number; topics: string[] }[];
  heardAt: number;
  greeted: boolean;
}

export class TabHub {
  readonly #up: Upstream;
  readonly #bus: Bus;
  readonly #steps: Steps;
  readonly #followers = new Map<string, Follower>();

  constructor(up: Upstream, bus: Bus, steps: Steps) {
    this.#up = up;
    this.#bus = bus;
    this.#steps = steps;
  }

  /** Tells every tab that it can come; those who wait do at once. */
  ready(): void {
    this.#bus.tell({ to: "all", k: "ready" } satisfies FromLeader);
  }

  hear(news: ToLeader): void {
    const { link } = news;
    switch (news.k) {
      case "open":
        this.#leave(link);
        if (!this.#up.isOpen()) this.#close(link, 4010, "the leader is not connected");
        else {
          const heardAt = this.#up.clock.monotonic();
          this.#followers.set(link, { topics: new Map(), subs: [], heardAt, greeted: false });
          this.#bus.tell({ to: "link", link, k: "opened" } satisfies FromLeader);
        }
        break;
      case "say":
        this.#said(link, JSON.parse(news.text) as ClientMessage);
        break;
      case "close":
        this.#leave(link);
        break;
    }
  }

  /** Passes on what this tab received, after it took it. */
  message(message: ServerMessage): void {
    switch (message.t) {
      case "snap":
      case "patch":
        this.#items([message]);
        break;
      case "batch":
        this.#items(message.items);
        break;
      case "revoke":
      case "narrow":
        this.#tellThose(({ topics }) => topics.has(message.topic), message);
        break;
      case "authed":
        // Whoever follows holds what this caller sees, too.
        this.#tellThose(({ greeted }) => greeted, { ...message, id: NOBODYS });
        break;
      case "reset":
        for (const [link, follower] of this.#followers) {
          this.#forget(follower);
          this.#tell(link, message);
        }
        break;
      case "beat":
        this.#sweep();
        this.#tellThose(({ greeted }) => greeted, message);
        break;
    }
  }

  /** Subscriptions of this tab went another step: followers may have their answers. */
  changed(): void {
    for (const link of this.#followers.keys()) this.#serve(link);
  }

  /** This tab serves no more, or cannot: followers are told, and look elsewhere. */
  close(reason: string): void {
    for (const link of [...this.#followers.keys()]) {
      this.#leave(link);
      this.#close(link, 4010, reason);
    }
  }

  #said(link: string, message: ClientMessage): void {
    const follower = this.#followers.get(link);
    if (follower === undefined) {
      this.#close(link, 4010, "another tab leads now");
      return;
    }
    follower.heardAt = this.#up.clock.monotonic();
    switch (message.t) {
      case "hello":
        this.#greet(link, follower, message.epoch);
        break;
      case "sub":
        this.#sub(link, follower, message);
        break;
      case "unsub":
        for (const topic of message.topics) {
          follower.topics.get(topic)?.giveBack();
          follower.topics.delete(topic);
        }
        break;
      case "ping":
        this.#tell(link, { t: "pong", id: message.id, now: this.#up.status.serverNow() ?? 0 });
        break;
      case "digest":
        this.#tell(link, {
          ...{ t: "error", id: message.id, code: CODES.MalformedRequest, name: "MalformedRequest" },
          ...{ message: "The leading tab proves for all.", temporary: false, remedy: "", data: {} },
        });
        break;
    }
  }

  #greet(link: string, follower: Follower, held: number | null): void {
    const { store, status } = this.#up;
    const epoch = store.epoch ?? 0;
    const role = this.#up.role();
    follower.greeted = true;
    this.#tell(link, {
      ...{ t: "welcome", proto: 1, epoch, head: [], now: status.serverNow() ?? 0 },
      ...{ lag_ms: status.ageMs() ?? 0, beat_ms: BEAT_MS, session: link },
      limits: { commands_max: 0 },
      ...(role === null ? {} : { role }),
    });
    if (held !== null && held !== epoch) {
      this.#tell(link, { t: "reset", epoch, reason: "epoch_changed" });
    }
  }

  #sub(link: string, follower: Follower, sub: ClientMessage & { t: "sub" }): void {
    const known = sub.epoch === undefined || sub.epoch === this.#up.store.epoch;
    for (const topic of sub.topics) {
      const giveBack = follower.topics.get(topic)?.giveBack ?? this.#up.subscribe([topic]);
      const have = known ? sub.have?.[topic] : undefined;
      follower.topics.set(topic, { giveBack, have, given: false });
    }
    follower.subs.push({ id: sub.id, topics: sub.topics });
    this.#serve(link);
  }

  /** Sends what is complete here and not there yet, and answers the subs that are through. */
  #serve(link: string): void {
    const follower = this.#followers.get(link);
    if (follower === undefined || follower.subs.length === 0) return;
    const { store } = this.#up;
    const items: Item[] = [];
    for (const [topic, theirs] of follower.topics) {
      if (theirs.given || this.#up.stateOf(topic) !== "live") continue;
      const held = store.received(topic);
      theirs.given = true;
      if (held === undefined || held.v === theirs.have) continue;
      // Of facts each version counts: one who was away is told of those in between, too.
      const told = this.#steps.between(topic, theirs.have, held.v) ?? [held];
      for (const one of told) items.push({ ...one, t: "snap", topic, doc: one.doc as never });
    }
    if (items.length > 0) this.#tell(link, { t: "batch", items });
    for (const sub of [...follower.subs]) this.#answer(link, follower, sub);
  }

  #answer(link: string, follower: Follower, sub: { id: number; topics: string[] }): void {
    const waiting = sub.topics.some((topic) => {
      const theirs = follower.topics.get(topic);
      return theirs !== undefined && !theirs.given && this.#up.refusal(topic) === undefined;
    });
    if (waiting) return;
    follower.subs.splice(follower.subs.indexOf(sub), 1);
    for (const topic of sub.topics) {
      const refusal = this.#up.refusal(topic);
      if (refusal === undefined) continue;
      const { code, message } = refusal;
      this.#tell(link, {
        ...{ t: "error", id: sub.id, code, name: "TopicRefused", message, temporary: false },
        ...{ remedy: "", data: { topic } },
      });
    }
    this.#tell(link, { t: "live", id: sub.id, head: [] });
  }

  #items(items: readonly Item[]): void {
    for (const [link, { topics }] of this.#followers) {
      const theirs = items.filter(({ topic }) => topics.get(topic)?.given === true);
      if (theirs.length > 0) this.#tell(link, { t: "batch", items: theirs });
    }
  }

  /** Tabs that crashed said no goodbye. */
  #sweep(): void {
    const now = this.#up.clock.monotonic();
    for (const [link, { heardAt }] of [...this.#followers]) {
      if (now - heardAt > FOLLOWER_SILENCE_MS) this.#leave(link);
    }
  }

  #leave(link: string): void {
    const follower = this.#followers.get(link);
    if (follower === undefined) return;
    this.#followers.delete(link);
    this.#forget(follower);
  }

  #forget({ topics, subs }: Follower): void {
    for (const { giveBack } of topics.values()) giveBack();
    topics.clear();
    subs.length = 0;
  }

  #close(link: string, code: number, reason: string): void {
    this.#bus.tell({ to: "link", link, k: "closed", code, reason } satisfies FromLeader);
  }

  #tellThose(which: (follower: Follower) => boolean, message: ServerMessage): void {
    for (const [link, follower] of this.#followers) if (which(follower)) this.#tell(link, message);
  }

  #tell(link: string, message: ServerMessage): void {
    const text = JSON.stringify(message);
    this.#bus.tell({ to: "link", link, k: "text", text } satisfies FromLeader);
  }
}
