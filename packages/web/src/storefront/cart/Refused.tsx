/** Why the last change of an article did not count, and what can be done about it. */

import { Icon } from "../../shared/icons.tsx";
import type { Problem } from "./actions.ts";
import { type Choice, choicesOf, choiceText, conflictText } from "./choices.ts";
import type { Cart } from "./useCart.ts";
import { refusalTold } from "./words.ts";

interface RefusedProps {
  sku: string;
  /** What the article is called, for who hears the buttons. */
  title: string;
  cart: Cart;
}

/** Nothing where all is well. A conflict offers its ways on; another refusal is read and left. */
export function Refused({ sku, title, cart }: RefusedProps) {
  const problem = cart.problems.get(sku);
  if (problem === undefined) return null;
  if (problem.conflict !== null) {
    return <Conflict sku={sku} title={title} cart={cart} conflict={problem.conflict} />;
  }
  return (
    <p className="cart-refused" role="alert" data-testid="line-refused">
      <Icon name="alert" size={18} />
      <span>{refusalTold(problem.error).text}</span>
      <button type="button" className="link-button" onClick={() => cart.actions.dismiss(sku)}>
        All right
      </button>
    </p>
  );
}

interface ConflictProps extends RefusedProps {
  conflict: NonNullable<Problem["conflict"]>;
}

function Conflict({ sku, title, cart, conflict }: ConflictProps) {
  const choices = choicesOf(conflict);
  const ways: readonly Choice[] = ["mine", "theirs", ...(choices.both === null ? [] : BOTH)];
  return (
    <div className="cart-refused cart-conflict" data-testid="line-conflict">
      <p role="alert">
        <Icon name="swap" size={18} /> {conflictText(choices)}
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset's legend would repeat the sentence. */}
      <div className="conflict-ways" role="group" aria-label={`How many of ${title}`}>
        {ways.map((choice) => (
          <button
            key={choice}
            type="button"
            className="button button-small"
            data-testid={`choose-${choice}`}
            onClick={() => cart.actions.decide(sku, choice)}
          >
            {choiceText(choice, choices)}
          </button>
        ))}
      </div>
    </div>
  );
}

const BOTH = ["both"] as const;
