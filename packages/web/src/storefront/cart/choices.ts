/** A quantity that was changed here and elsewhere: which ways on there are; no I/O. */

import type { VersionConflict } from "@shopwire/client";

export type Choice = "mine" | "theirs" | "both";

export interface Choices {
  /** The field that the conflict is about. */
  readonly field: string;
  readonly mine: number;
  readonly theirs: number;
  /** What both changes amount to together; null where that is one of the two, or less than one. */
  readonly both: number | null;
}

/** The ways on from a conflict over how many of an article are wanted. */
export function choicesOf({ fields }: Pick<VersionConflict, "fields">): Choices {
  const [one] = fields;
  const number = (value: unknown): number => (typeof value === "number" ? value : 0);
  const [base, mine, theirs] = [number(one?.base), number(one?.mine), number(one?.theirs)];
  const sum = mine + theirs - base;
  const another = sum > 0 && sum !== mine && sum !== theirs && mine > 0 && theirs > 0;
  return { field: one?.field ?? "", mine, theirs, both: another ? sum : null };
}

/** What stands between the two, in a sentence. */
export function conflictText({ mine, theirs }: Choices): string {
  const there = theirs === 0 ? "it was taken out there" : `there are ${theirs} there`;
  const here = mine === 0 ? "you took it out here" : `you wanted ${mine} here`;
  return `Changed in another window or on another device meanwhile: ${there}, ${here}.`;
}

/** What a choice is called on its button. */
export function choiceText(choice: Choice, { mine, theirs, both }: Choices): string {
  switch (choice) {
    case "mine":
      return mine === 0 ? "Take it out" : `Keep mine: ${mine}`;
    case "theirs":
      return theirs === 0 ? "Leave it out" : `Take theirs: ${theirs}`;
    case "both":
      return `Both together: ${both}`;
  }
}
