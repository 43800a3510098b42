/** Choosing among variants: an option at a time where the options tell them apart. */

import { useTopics } from "@shopwire/client/react";
import { useId } from "react";
import type { Product, Variant } from "../shared/documents.ts";
import { areTellable, pickVariant, variantName } from "./offer.ts";

interface PickerProps {
  product: Product;
  chosen: Variant;
  onChoose: (variant: Variant) => void;
}

interface Choice {
  readonly label: string;
  readonly variant: Variant | undefined;
  readonly checked: boolean;
}

export function VariantPicker({ product, chosen, onChoose }: PickerProps) {
  if (product.variants.length < 2) return null;
  if (!areTellable(product)) {
    const choices = product.variants.map((variant) => ({
      label: variantName(variant),
      variant,
      checked: variant.sku === chosen.sku,
    }));
    return <Group name="Variant" choices={choices} onChoose={onChoose} />;
  }
  return (
    <>
      {product.options.map(({ name, values }) => (
        <Group
          key={name}
          name={name}
          choices={values.map((value) => ({
            label: value,
            variant: pickVariant(product.variants, chosen, name, value),
            checked: chosen.options[name] === value,
          }))}
          onChoose={onChoose}
        />
      ))}
    </>
  );
}

interface GroupProps {
  name: string;
  choices: readonly Choice[];
  onChoose: (variant: Variant) => void;
}

/** Radio buttons: arrow keys and screen readers know them. A value that is sold out says so. */
function Group({ name, choices, onChoose }: GroupProps) {
  const group = useId();
  const possible = choices.filter((choice) => choice.variant !== undefined);
  const stocks = useTopics(possible.map((choice) => `stock:${choice.variant?.sku ?? ""}` as const));
  const chosen = choices.find((choice) => choice.checked);
  return (
    <fieldset className="option">
      <legend>
        {name} <span className="option-chosen">{chosen?.label}</span>
      </legend>
      <div className="option-values">
        {possible.map(({ label, variant, checked }, at) => {
          const out = stocks[at]?.doc?.available === 0;
          return (
            <label key={label} className="option-value" data-out={out || undefined}>
              <input
                type="radio"
                name={group}
                value={label}
                checked={checked}
                onChange={() => variant && onChoose(variant)}
              />
              <span>
                {label}
                {out && <span className="visually-hidden"> (sold out)</span>}
              </span>
            </label>
          );
        })}
      </div>
    </fieldset>
  );
}
