/** Why a change was refused; where somebody else changed the same, with the ways on. */

import { VersionConflict } from "@shopwire/client";

interface ConflictWaysProps {
  /** The refusal of the last sending; null where there is none. */
  problem: Error | null;
  /** What was changed, as it is called in a sentence. */
  what: string;
  /** Sends what was meant here over theirs; the conflict knows both and the version of now. */
  onMine: (conflict: VersionConflict) => void;
  /** Gives up what was meant here. */
  onTheirs: (conflict: VersionConflict) => void;
  blocked: boolean;
}

/** Nothing where nothing was refused. */
export function ConflictWays({ problem, what, onMine, onTheirs, blocked }: ConflictWaysProps) {
  if (problem === null) return null;
  if (!(problem instanceof VersionConflict)) return <span>{problem.message}</span>;
  const fields = differing(problem);
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
      </div>
    </div>
  );
}

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The names of what differs; of whole documents, of their fields. */
export function differing({ mine, theirs }: Pick<VersionConflict, "mine" | "theirs">): string[] {
  return Object.keys(mine).flatMap((name) => {
    const [here, there] = [mine[name], theirs[name]];
    if (!isObject(here) || !isObject(there)) return same(here, there) ? [] : [wording(name)];
    const inside = new Set([...Object.keys(here), ...Object.keys(there)]);
    return [...inside].filter((field) => !same(here[field], there[field])).map(wording);
  });
}

const same = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

const wording = (name: string): string => name.replaceAll("_", " ");
