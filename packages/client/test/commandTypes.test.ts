/** Checked by `tsc --noEmit`: what commands take is what the server decodes. */

import { describe, expectTypeOf, it } from "vitest";
import type { CommandBodies, Operation } from "../src/index.ts";

describe("bodies of commands", () => {
  it("have the server's fields, optional where it has a default", () => {
    type PutLine = CommandBodies["carts.put_line"];
    expectTypeOf<PutLine["quantity"]>().toEqualTypeOf<number>();
    expectTypeOf<PutLine["expected_version"]>().toEqualTypeOf<number | null | undefined>();
    expectTypeOf<Omit<PutLine, "sku">>().not.toExtend<PutLine>();
    expectTypeOf<Omit<PutLine, "parts" | "expected_version">>().toExtend<PutLine>();
  });

  it("leave out what only the shop itself sends", () => {
    expectTypeOf<"orders.cancel_order">().toExtend<Operation>();
    expectTypeOf<"carts.close_cart">().not.toExtend<Operation>();
  });
});
