/** Public documents that stay on the screen while the connection starts anew. */

import type { DocumentOf, Held } from "@shopwire/client";
import { useTopics } from "@shopwire/client/react";
import { useRef } from "react";

/**
 * The documents of topics, as `useTopics` has them; one that is dropped stays as it was until it
 * is there again. When the log gets another epoch nothing is held for a moment: what the page was
 * loaded with would step back then, to a state from before all that was shown since.
 *
 * For topics that everybody may see only: what a right was withdrawn from must not stay.
 */
export function useSteady<T extends string>(
  topics: readonly T[],
): ReadonlyArray<Held<DocumentOf<T>> | undefined> {
  const now = useTopics(topics);
  const shown = useRef(new Map<T, Held<DocumentOf<T>>>());
  return topics.map((topic, at) => {
    const held = now[at];
    if (held !== undefined) shown.current.set(topic, held);
    return held ?? shown.current.get(topic);
  });
}
