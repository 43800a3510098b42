/** A state as a word and a sign; never the colour alone. */

import type { State } from "./words.ts";

export function StateWord({ state: { word, tone }, testId }: { state: State; testId?: string }) {
  return (
    <span className="state" data-tone={tone} data-testid={testId}>
      {word}
    </span>
  );
}
