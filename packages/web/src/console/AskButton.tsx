/** A button that asks the shop for one thing; what came of it is told beside it. */

import { useOffline } from "../shared/useOffline.ts";

interface AskProps {
  /** What it is found by. */
  name: string;
  children: string;
  /** The answer is under way. */
  pending: boolean;
  ask: () => void;
}

/** Without a connection, and while an answer is under way, it stays in reach and does nothing. */
export function AskButton({ name, children, pending, ask }: AskProps) {
  const blocked = useOffline() || pending;
  return (
    <button
      type="button"
      className="button"
      data-testid={name}
      aria-disabled={blocked}
      onClick={() => !blocked && ask()}
    >
      {pending ? "One moment…" : children}
    </button>
  );
}
