/** The shop with its client. */

import { Surface } from "../shared/Surface.tsx";
import { Storefront } from "./Storefront.tsx";
import { SHOPPER } from "./shopper.ts";

export default function Entrance() {
  return (
    <Surface who="shopper" made={SHOPPER}>
      <Storefront />
    </Surface>
  );
}
