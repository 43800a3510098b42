/** The indicator that tells the truth about the whole page, and marks for single values. */

import { useStatus } from "@shopwire/client/react";
import { useId } from "react";
import { freshnessWording, oldMark } from "./freshness.ts";

/** A dot and a word; more words on demand. A change of status is announced, its age is not. */
export function Freshness() {
  const status = useStatus();
  const { label, age, sentence } = freshnessWording(status);
  const id = useId();
  return (
    <div className="freshness" data-testid="freshness" data-status={status.status}>
      <button type="button" className="freshness-button" popoverTarget={id}>
        <span className="freshness-dot" aria-hidden="true" />
        <span className="freshness-label">{label}</span>
        {age !== "" && <span className="freshness-age">{age}</span>}
      </button>
      <p className="freshness-more" id={id} popover="auto">
        {sentence}
      </p>
      <span className="visually-hidden" role="status">
        {status.status === "live" ? "Prices and stock are live." : `${label}.`}
      </span>
    </div>
  );
}

/** Says beside a value how old it may be, once it must not be taken for current. */
export function OldMark() {
  const mark = oldMark(useStatus());
  return mark === null ? null : <span className="old-mark">{mark}</span>;
}
