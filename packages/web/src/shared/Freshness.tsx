/** The indicator that tells the truth about the whole page, and marks for single values. */

import type { Status } from "@shopwire/client";
import { useClient, useStatus } from "@shopwire/client/react";
import { useCallback, useId, useSyncExternalStore } from "react";
import { beliefWords, freshnessWording, oldMark, worstOf } from "./freshness.ts";

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

/** How far what is shown of these topics can be believed; live where there are none. */
export function useBelief(topics: readonly string[]): Status {
  const client = useClient();
  const key = topics.join("\n");
  const listen = useCallback((listener: () => void) => client.status.subscribe(listener), [client]);
  const read = () => worstOf(key === "" ? [] : key.split("\n").map((one) => client.statusOf(one)));
  return useSyncExternalStore(listen, read, read);
}

/** The same in words, for who does not see the marks. */
export function BeliefSaid({ status }: { status: Status }) {
  const { provenAt } = useClient().status.get();
  const words = beliefWords(status, provenAt);
  return words === "" ? null : <span className="visually-hidden"> {words}</span>;
}

/** Says beside a value how old it may be, once it must not be taken for current. */
export function OldMark() {
  const mark = oldMark(useStatus());
  return mark === null ? null : <span className="old-mark">{mark}</span>;
}
