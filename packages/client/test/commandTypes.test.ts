/** Checked by `tsc --noEmit`: what commands take is what the server decodes. */

import { describe, expectTypeOf, it } from "vitest";
import type { Client, ClientOptions, CommandBodies, Operation } from "../src/index.ts";
import type { CommandView, ShopwireView } from "../src/mobx/index.ts";
import type { useCommand } from "../src/react/index.ts";
import type { createSend, Intent } from "../src/redux/index.ts";

const SELL = { sku: "MUG-1", quantity: 1 };

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

/** Nothing here runs: each line is one that `tsc` has to take, or, where it says so, to refuse. */
function everySkin(
  client: Client,
  view: ShopwireView,
  dispatch: (action: ReturnType<ReturnType<typeof createSend>>) => void,
  send: ReturnType<typeof createSend>,
  hook: typeof useCommand,
) {
  void client.send("inventory.sell_stock", SELL);
  // @ts-expect-error no such operation
  void client.send("inventory.sell_stocks", SELL);
  // @ts-expect-error a field is missing
  void client.send("inventory.sell_stock", { sku: "MUG-1" });
  // @ts-expect-error a field is of another type
  void client.send("inventory.sell_stock", { sku: "MUG-1", quantity: "1" });
  // @ts-expect-error there is no such field
  void client.send("inventory.sell_stock", { sku: "MUG-1", quantity: 1, colour: "red" });
  void client.sendUntyped("sample.of_my_own", { anything: true });

  void view.send("inventory.sell_stock", SELL);
  // @ts-expect-error there is no such field
  void view.send("inventory.sell_stock", { sku: "MUG-1", quantity: 1, colour: "red" });
  const selling: CommandView<"inventory.sell_stock"> = view.command("inventory.sell_stock");
  // @ts-expect-error a field is missing
  void selling.send({ sku: "MUG-1" });

  const button = hook("inventory.sell_stock");
  void button.send(SELL, { queue: true });
  // @ts-expect-error a field is missing
  void button.send({ quantity: 1 });
  // @ts-expect-error no such operation
  hook("inventory.sell");

  dispatch(send({ operation: "inventory.sell_stock", body: SELL }));
  // @ts-expect-error the body of another operation
  dispatch(send({ operation: "orders.cancel_order", body: SELL }));
  const options: Pick<ClientOptions, "foretell"> = {
    foretell: { "carts.put_line": ({ cart_id }) => ({ [`cart:${cart_id}`]: (doc) => doc }) },
  };
  // @ts-expect-error the body has no such field
  options.foretell = { "carts.put_line": ({ basket }) => ({ [`cart:${basket}`]: (doc) => doc }) };
}

describe("a command", () => {
  it("is one of the table's with its body, in the core and in every skin", () => {
    expectTypeOf(everySkin).toBeFunction();
    expectTypeOf<Intent["operation"]>().toEqualTypeOf<Operation>();
    expectTypeOf<Parameters<Client["send"]>[0]>().toEqualTypeOf<Operation>();
  });
});
