/** Why a change was refused; where somebody else changed the same, with the ways on. */

import { VersionConflict } from "@shopwire/client";
import { type Fields, isFields, same, together } from "./together.ts";

interface ConflictWaysProps {
  /** The refusal of the last sending; null where there is none. */
  problem: Error | null;
  /** What was changed, as it is called in a sentence. */
  what: string;
  /** What it was when it was changed here; without it both changes cannot be put together. */
  base?: object | null;
  /** Sends what was meant here over theirs; the conflict knows both and the version of now. */
  onMine: (conflict: VersionConflict) => void;
  /** Gives up what was meant here. */
  onTheirs: (conflict: VersionConflict) => void;
  /** Sends what both changes make together, by the name of the field that is in conflict. */
  onBoth?: (conflict: VersionConflict, both: Fields) => void;
  blocked: boolean;
}

/** Nothing where nothing was refused. */
export function ConflictWays({ problem, what, base = null, blocked, ...ways }: ConflictWaysProps) {
  if (problem === null) return null;
  if (!(problem instanceof VersionConflict)) return <span>{problem.message}</span>;
  const { onMine, onTheirs, onBoth } = ways;
  const fields = differing(problem);
  const both = onBoth === undefined ? null : bothOf(problem, base);
  return (
    <div className="conflict-ways-on" data-testid="conflict-ways">
      <p>
        Somebody changed {what} a moment before you.
        {fields.length > 0 && ` Yours and theirs differ in: ${fields.join(", ")}.`}
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset's legend would repeat the sentence. */}
      <div className="conflict-choices" role="group" aria-label={`Which of ${what}`}>
        <button
          type="button"
          className="button button-small"
          data-testid="keep-mine"
          aria-disabled={blocked}
          onClick={() => !blocked && onMine(problem)}
        >
          Keep mine
        </button>
        <button
          type="button"
          className="button button-small"
          data-testid="take-theirs"
          onClick={() => onTheirs(problem)}
        >
          Take theirs
        </button>
        {both !== null && (
          <button
            type="button"
            className="button button-small"
            data-testid="both-together"
            aria-disabled={blocked}
            onClick={() => !blocked && onBoth?.(problem, both)}
          >
            Both together
          </button>
        )}
      </div>
    </div>
  );
}

/** Both changes as one; null where that is one of the two, or where they contradict each other. */
function bothOf({ mine, theirs }: VersionConflict, base: object | null): Fields | null {
  const [name, here] = Object.entries(mine)[0] ?? ["", null];
  const there = theirs[name];
  if (base === null || !isFields(here) || !isFields(there)) return null;
  const both = together(base as Fields, here, there);
  return both === null || same(both, here) || same(both, there) ? null : both;
}

/** The names of what differs; of whole documents, of their fields. */
export function differing({ mine, theirs }: Pick<VersionConflict, "mine" | "theirs">): string[] {
  return Object.keys(mine).flatMap((name) => {
    const [here, there] = [mine[name], theirs[name]];
    if (!isFields(here) || !isFields(there)) return same(here, there) ? [] : [wording(name)];
    const inside = new Set([...Object.keys(here), ...Object.keys(there)]);
    return [...inside].filter((field) => !same(here[field], there[field])).map(wording);
  });
}

const wording = (name: string): string => name.replaceAll("_", " ");
