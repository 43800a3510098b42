/** Search as you type: what is typed becomes the address once the fingers rest. */

import { useEffect, useRef, useState } from "react";
import { Icon } from "../shared/icons.tsx";
import { navigate } from "../shared/router.tsx";
import { EVERYTHING, QUERY_CHARS_MAX, type Query, urlOf } from "./query.ts";

export const TYPING_MS = 220;

export function SearchField({ query }: { query: Query | null }) {
  const now = query ?? EVERYTHING;
  const [typed, setTyped] = useState(now.q);
  const told = useRef(now.q);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  useEffect(() => {
    if (now.q === told.current) return;
    told.current = now.q; // The address moved by itself: back, forward, a link.
    setTyped(now.q);
  }, [now.q]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const tell = (text: string): void => {
    clearTimeout(timer.current);
    if (text.trim() === told.current.trim()) return;
    const refining = told.current !== "" && text.trim() !== "";
    told.current = text.trim();
    navigate(urlOf({ ...now, q: text.trim() }), { replace: refining });
  };

  return (
    <search className="search">
      <form
        action="/search"
        onSubmit={(event) => {
          event.preventDefault();
          tell(typed);
        }}
      >
        <Icon name="search" />
        <label className="visually-hidden" htmlFor="search">
          Search the shop
        </label>
        <input
          id="search"
          name="q"
          type="search"
          placeholder="Search the shop"
          autoComplete="off"
          enterKeyHint="search"
          maxLength={QUERY_CHARS_MAX}
          value={typed}
          onChange={(event) => {
            const text = event.target.value;
            setTyped(text);
            clearTimeout(timer.current);
            timer.current = setTimeout(() => tell(text), TYPING_MS);
          }}
        />
      </form>
    </search>
  );
}
