/** How many: less, a number that can be typed, more. */

import { useEffect, useState } from "react";
import { Icon } from "../../shared/icons.tsx";
import { typedQuantity } from "./cart.ts";

interface QuantityProps {
  /** What is counted, for who hears it. */
  of: string;
  value: number;
  /** The most that can be had right now. */
  most: number;
  /** The least: 0 where the article goes away with the last one. */
  least?: number;
  disabled?: boolean;
  onChange: (quantity: number) => void;
}

export function Quantity({
  of,
  value,
  most,
  least = 0,
  disabled = false,
  onChange,
}: QuantityProps) {
  const [typed, setTyped] = useState(String(value));
  useEffect(() => setTyped(String(value)), [value]);
  const want = (quantity: number): void => {
    const next = Math.max(least, Math.min(quantity, Math.max(most, least)));
    setTyped(String(next));
    if (next !== value && !disabled) onChange(next);
  };
  const commit = (): void => want(typedQuantity(typed) ?? value);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset's legend is no label of three small controls in a row.
    <div className="quantity" role="group" aria-label={`How many of ${of}`}>
      <button
        type="button"
        aria-label="One less"
        aria-disabled={disabled || value <= least}
        data-testid="quantity-less"
        onClick={() => value > least && want(value - 1)}
      >
        <Icon name="minus" size={18} />
      </button>
      <input
        type="text"
        inputMode="numeric"
        aria-label="Quantity"
        data-testid="quantity"
        autoComplete="off"
        maxLength={4}
        value={typed}
        readOnly={disabled}
        onChange={(event) => setTyped(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => {
          if (event.key === "Enter") commit();
          if (event.key === "Escape") setTyped(String(value));
        }}
      />
      <button
        type="button"
        aria-label="One more"
        aria-disabled={disabled || value >= most}
        data-testid="quantity-more"
        onClick={() => value < most && want(value + 1)}
      >
        <Icon name="plus" size={18} />
      </button>
    </div>
  );
}
