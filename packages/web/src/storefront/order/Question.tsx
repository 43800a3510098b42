/** A line that was promised and is short: what happened, and what the shopper can choose. */

import type { Choice, OrderLine } from "@shopwire/client";
import { useTopic } from "@shopwire/client/react";
import { useState } from "react";
import { Icon } from "../../shared/icons.tsx";
import { useArticle } from "../cart/useArticle.ts";
import { choiceWords, orderRefusal } from "./words.ts";

interface QuestionProps {
  line: OrderLine;
  offline: boolean;
  onChoose: (choice: Choice) => Promise<Error | null>;
}

export function Question({ line, offline, onChoose }: QuestionProps) {
  const [chosen, setChosen] = useState<Choice | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const units = line.units.in_question ?? line.quantity;
  const title = useArticle(line.sku)?.title ?? line.title;
  const stock = useTopic(`stock:${line.sku}`)?.doc;
  // From elsewhere only while somebody else has it; it comes back by itself.
  const isPossible = (choice: Choice): boolean =>
    choice !== "replace" || (stock?.available ?? units) >= units;
  const choose = async (choice: Choice): Promise<void> => {
    if (offline || chosen !== null) return;
    setChosen(choice);
    setError(null);
    const problem = await onChoose(choice);
    setError(problem);
    // Where it was taken, the order's document takes the question away.
    if (problem !== null) setChosen(null);
  };
  return (
    <section className="question" aria-label={`${title}: please choose`} data-testid="conflict">
      <h3>
        <Icon name="scales" /> {sorryText(units, title)}
      </h3>
      <p>
        Our supplier cannot send {units === 1 ? "it" : "them"} after all. We are sorry. What shall
        we do?
      </p>
      <ul className="choices">
        {line.choices.filter(isPossible).map((choice) => {
          const { label, text } = choiceWords(choice);
          return (
            <li key={choice}>
              <button
                type="button"
                className="button"
                data-testid={`choose-${choice}`}
                aria-disabled={offline || chosen !== null}
                onClick={() => void choose(choice)}
              >
                {chosen === choice ? "One moment…" : label}
              </button>
              <span>{text}</span>
            </li>
          );
        })}
      </ul>
      <div role="alert">
        {error !== null && <p className="question-refused">{orderRefusal(error)}</p>}
      </div>
    </section>
  );
}

function sorryText(units: number, title: string): string {
  return units === 1 ? `${title} is short` : `${units} of ${title} are short`;
}
