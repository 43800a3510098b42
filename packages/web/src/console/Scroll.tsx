/** A place for a wide table: where it does not fit, it scrolls, also by keyboard. */

import { type ReactNode, useEffect, useRef, useState } from "react";

export function Scroll({ label, children }: { label: string; children: ReactNode }) {
  const host = useRef<HTMLDivElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const sizes = new ResizeObserver(() => setScrolls(element.scrollWidth > element.clientWidth));
    sizes.observe(element);
    for (const child of element.children) sizes.observe(child);
    return () => sizes.disconnect();
  }, []);
  const reachable = scrolls ? { role: "group", "aria-label": label, tabIndex: 0 } : {};
  return (
    <div className="scroll" ref={host} {...reachable}>
      {children}
    </div>
  );
}
