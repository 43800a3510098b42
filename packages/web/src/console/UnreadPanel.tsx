/** What suppliers sent and could not be used: looked at, mended, read again, or put away. */

import { useCommand, useTopics } from "@shopwire/client/react";
import { useEffect, useId, useState } from "react";
import { momentText } from "../shared/time.ts";
import { useOffline } from "../shared/useOffline.ts";
import type { Unread } from "./channels.ts";

interface UnreadPanelProps {
  items: readonly Unread[];
  nameOf: (supplier: string) => string;
  onChange: () => void;
}

export function UnreadPanel({ items, nameOf, onChange }: UnreadPanelProps) {
  const live = useTopics(items.map(({ id }) => `message:${id}` as const));
  const states = live.map((one) => `${one?.doc?.state} ${one?.doc?.tries}`).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the states stand for what moved.
  useEffect(() => onChange(), [states]);
  if (items.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="unread">
      <div className="panel-head">
        <h2 id="unread">Could not be read</h2>
        <span>{items.length === 1 ? "one message" : `${items.length} messages`}</span>
      </div>
      <ul className="unread">
        {items.map((one) => (
          <Message key={`${one.id} ${one.tries}`} one={one} nameOf={nameOf} />
        ))}
      </ul>
    </section>
  );
}

function Message({ one, nameOf }: { one: Unread; nameOf: (supplier: string) => string }) {
  const mend = useCommand("channels.mend_message");
  const dismiss = useCommand("channels.dismiss_message");
  const offline = useOffline();
  const [text, setText] = useState(one.text);
  const id = useId();
  const { supplier, own_id } = one;
  const blocked = offline || mend.pending || dismiss.pending;
  return (
    <li data-testid="unread">
      <p>
        <strong>{nameOf(supplier)}</strong>, {one.name}, {momentText(one.received_at_ms)}; kept
        until {momentText(one.erased_at_ms)}
      </p>
      <p className="warn-text">{one.reason}</p>
      <details>
        <summary>Look at it</summary>
        <label className="visually-hidden" htmlFor={id}>
          Text of {one.name}
        </label>
        <textarea
          id={id}
          rows={8}
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </details>
      <p className="way-choices">
        <button
          type="button"
          className="button button-small"
          aria-disabled={blocked}
          onClick={() => {
            const changed = text === one.text ? {} : { text };
            if (!blocked) void mend.send({ supplier, id: own_id, ...changed });
          }}
        >
          {mend.pending || one.state === "reading" ? "Reading…" : "Read it again"}
        </button>
        <button
          type="button"
          className="button button-small"
          aria-disabled={blocked}
          onClick={() => {
            if (!blocked) void dismiss.send({ supplier, id: own_id });
          }}
        >
          Put it away
        </button>
      </p>
      <div role="alert" className="conflict-refused">
        {(mend.error ?? dismiss.error)?.message}
      </div>
    </li>
  );
}
