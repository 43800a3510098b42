/** A row of links that is wider than its window shows the one that is open. */

import { type RefObject, useEffect, useRef } from "react";
import "../styles/linksRow.css";

/** For the row; `place` is what opens another one. Scrolls the row alone, never the page. */
export function useCurrentInView(place: string): RefObject<HTMLElement | null> {
  const row = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another place has another link.
  useEffect(() => {
    const link = row.current?.querySelector("[aria-current]");
    if (!row.current || !link) return;
    const [outer, inner] = [row.current.getBoundingClientRect(), link.getBoundingClientRect()];
    if (inner.left >= outer.left && inner.right <= outer.right) return;
    row.current.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
  }, [place]);
  return row;
}
