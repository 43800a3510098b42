/** The breaker before a supplier's sources, drawn as one, with what it says in words. */

import { ageText, momentText } from "../shared/time.ts";
import { StateWord } from "./StateWord.tsx";
import type { SupplyRow } from "./useSources.ts";
import type { State } from "./words.ts";

const STATES: Readonly<Record<SupplyRow["breaker"], State>> = {
  closed: { word: "Closed", tone: "good" },
  open: { word: "Open", tone: "bad" },
  half_open: { word: "Trying one", tone: "going" },
};

export function Breaker({ supply, now }: { supply: SupplyRow; now: number }) {
  const { breaker, breaker_reason: reason, breaker_failures: failures, retry_ms: retry } = supply;
  const left = (retry ?? now) - now;
  return (
    <div className="breaker" data-breaker={breaker} data-testid="breaker">
      <svg viewBox="0 0 120 40" width={120} height={40} aria-hidden="true">
        <path d="M4 28H40M80 28H116" />
        <circle cx="40" cy="28" r="4" />
        <circle cx="80" cy="28" r="4" />
        <path className="breaker-lever" d="M40 28H80" />
      </svg>
      <div className="breaker-words">
        <p>
          Breaker <StateWord state={STATES[breaker]} testId="breaker-state" />
        </p>
        {breaker === "closed" ? (
          <p className="soft">
            {failures === 0 ? "Its sources are looked at as planned." : failuresText(failures)}
          </p>
        ) : (
          <>
            <p>{reason}</p>
            {breaker === "open" && retry !== null && (
              <p className="soft" title={momentText(retry)}>
                {left > 0 ? `One source is tried in ${ageText(left)}.` : "One source is due."}
              </p>
            )}
          </>
        )}
      </div>
    </div>
  );
}

function failuresText(failures: number): string {
  return failures === 1 ? "One failure so far." : `${failures} failures in a row so far.`;
}
