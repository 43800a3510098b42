/** What the page says about how far its values can be trusted. */

import type { Status, StatusSnapshot } from "@shopwire/client";
import { ageText, clockText } from "./time.ts";

export interface Wording {
  /** One or two words, for the indicator. */
  readonly label: string;
  /** The age beside it; empty while live, where it would only flicker. */
  readonly age: string;
  /** A sentence for who wants to know more. */
  readonly sentence: string;
}

/** The words for a status; times are the server's. */
export function freshnessWording({ status, ageMs, provenAt }: StatusSnapshot): Wording {
  const proof = provenAt === null ? null : clockText(provenAt);
  const age = ageMs === null ? "" : ageText(ageMs);
  if (status === "live") {
    return {
      label: "Live",
      age: "",
      sentence: "Prices and stock on this page are current. They change while you look.",
    };
  }
  if (proof === null) {
    return status === "offline"
      ? { label: "Connecting", age: "", sentence: "The shop has not answered yet." }
      : { label: "Catching up", age: "", sentence: "Connected; loading what is current." };
  }
  if (status === "offline") {
    return {
      label: "Offline",
      age: `since ${proof}`,
      sentence: `The connection is gone. What you see was right at ${proof} and may be wrong by now. Trying to reach the shop again.`,
    };
  }
  if (status === "delayed") {
    return {
      label: "Delayed",
      age,
      sentence: `Changes arrive late right now. What you see was right at ${proof}.`,
    };
  }
  return {
    label: "Stale",
    age,
    sentence: `Nothing was confirmed since ${proof}. What you see may be wrong.`,
  };
}

/** From the best to the worst. */
const BY_TRUST: readonly Status[] = ["live", "delayed", "stale", "offline"];

/** The worst of several; live where there is none. */
export function worstOf(all: readonly Status[]): Status {
  return BY_TRUST[Math.max(0, ...all.map((one) => BY_TRUST.indexOf(one)))] ?? "live";
}

/** What is said behind a value to who does not see how it is set; empty where it is current. */
export function beliefWords(status: Status, provenAt: number | null): string {
  if (status === "live") return "";
  if (status === "delayed") return "(may be a few seconds old)";
  const since = provenAt === null ? "not confirmed yet" : `as of ${clockText(provenAt)}`;
  return status === "stale" ? `(${since})` : `(${since}, the shop cannot be reached)`;
}

/** The mark beside a value that must not be taken for current; null where none is needed. */
export function oldMark({ status, provenAt }: StatusSnapshot): string | null {
  if (status !== "stale" && status !== "offline") return null;
  return provenAt === null ? "not confirmed yet" : `as of ${clockText(provenAt)}`;
}
