/** Quiet cues: a value that changed is marked for a moment, and said aloud where that helps. */

import type { Status } from "@shopwire/client";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { BeliefSaid, useBelief } from "./Freshness.tsx";

export const CUE_MS = 2_400;
export const ANNOUNCE_MS_MIN = 6_000;

export type Direction = "up" | "down" | "changed";

/** How a value moved, for a moment after it did; null otherwise and for the first value. */
export function useChangeCue(value: number | string | null): Direction | null {
  const before = useRef(value);
  const [cue, setCue] = useState<Direction | null>(null);
  useEffect(() => {
    const was = before.current;
    before.current = value;
    if (was === null || value === null || was === value) return;
    const numbers = typeof was === "number" && typeof value === "number";
    setCue(numbers ? (value > was ? "up" : "down") : "changed");
    const timer = setTimeout(() => setCue(null), CUE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return cue;
}

interface CuedProps {
  /** What is compared: the number behind the text. */
  value: number | string | null;
  /** The topics that it is of; it is marked as long as these cannot be believed. */
  of?: readonly string[];
  children: ReactNode;
  className?: string;
  testId?: string;
}

/** A value that is marked for a moment when it changes, and as long as it may be wrong. */
export function Cued({ of, ...props }: CuedProps) {
  return of === undefined ? <Marked {...props} belief="live" /> : <Believed {...props} of={of} />;
}

function Believed({ of, ...props }: CuedProps & { of: readonly string[] }) {
  const belief = useBelief(of);
  return (
    <>
      <Marked {...props} belief={belief} />
      <BeliefSaid status={belief} />
    </>
  );
}

interface MarkedProps extends Omit<CuedProps, "of"> {
  belief: Status;
}

function Marked({ value, children, className = "", testId, belief }: MarkedProps) {
  const cue = useChangeCue(value);
  return (
    <span
      className={`cued ${className}`}
      data-cue={cue ?? undefined}
      data-belief={belief === "live" ? undefined : belief}
      data-testid={testId}
    >
      {children}
    </span>
  );
}

/** The text, let through at once and then at most every `ms`; the latest one wins. */
export function usePaced(text: string, ms: number): string {
  const [shown, setShown] = useState(text);
  const shownAt = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    const wait = Math.max(0, shownAt.current + ms - performance.now());
    const timer = setTimeout(() => {
      shownAt.current = performance.now();
      setShown(text);
    }, wait);
    return () => clearTimeout(timer);
  }, [text, ms]);
  return shown;
}

/** Says changes of a text to a screen reader, politely and not too often; not the first text. */
export function Announce({ text }: { text: string }) {
  const paced = usePaced(text, ANNOUNCE_MS_MIN);
  const [first] = useState(text);
  const [moved, setMoved] = useState(false);
  useEffect(() => {
    if (paced !== first) setMoved(true);
  }, [paced, first]);
  return (
    <p className="visually-hidden" aria-live="polite">
      {moved ? paced : ""}
    </p>
  );
}
