/** Checked by `tsc --noEmit`; at run time there is next to nothing to see. */

import { describe, expectTypeOf, it } from "vitest";
import type {
  Client,
  CommandResult,
  change,
  DocumentOf,
  Held,
  OrdersDocument,
  PriceDocument,
  ProductDocument,
  PulseDocument,
  Status,
  StockDocument,
  Topic,
} from "../src/index.ts";
import type { useAge, useCommand, useTopic } from "../src/react/index.ts";

type Got<T extends string> = ReturnType<typeof useTopic<T>>;

describe("types", () => {
  it("know the document by the topic", () => {
    expectTypeOf<DocumentOf<"stock:MUG-1">>().toEqualTypeOf<StockDocument>();
    expectTypeOf<DocumentOf<`price:${string}`>>().toEqualTypeOf<PriceDocument>();
    expectTypeOf<DocumentOf<"product:a:b">>().toEqualTypeOf<ProductDocument>();
    expectTypeOf<DocumentOf<"ops:orders">>().toEqualTypeOf<OrdersDocument>();
    expectTypeOf<DocumentOf<"ops:pulse">>().toEqualTypeOf<PulseDocument>();
    expectTypeOf<DocumentOf<"poll:1">>().toEqualTypeOf<Record<string, unknown>>();
    expectTypeOf<DocumentOf<string>>().toEqualTypeOf<Record<string, unknown>>();
    expectTypeOf<"stock:A">().toExtend<Topic>();
    expectTypeOf<"stocks:A">().not.toExtend<Topic>();
  });

  it("make nobody forget that a document can be absent or gone", () => {
    expectTypeOf<Got<"stock:A">>().toEqualTypeOf<Held<StockDocument> | undefined>();
    expectTypeOf<Held<StockDocument>["doc"]>().toEqualTypeOf<StockDocument | null>();
    expectTypeOf<ReturnType<typeof useAge>>().toEqualTypeOf<number | null>();
  });

  it("keep what is held from being written to", () => {
    expectTypeOf<Held>().toEqualTypeOf<Readonly<Held>>();
  });

  it("carry a command's result through", () => {
    type Sent = ReturnType<Client["sendUntyped"]>;
    expectTypeOf<Sent>().toEqualTypeOf<Promise<CommandResult<unknown>>>();
    type Result = ReturnType<typeof useCommand<"inventory.sell_stock", { left: number }>>["result"];
    expectTypeOf<Result>().toEqualTypeOf<CommandResult<{ left: number }> | null>();
  });

  it("know the document that a change is made of", () => {
    type Become = Parameters<typeof change<"stock:A">>[1];
    expectTypeOf<Parameters<Become>[0]>().toEqualTypeOf<StockDocument | null>();
    expectTypeOf<ReturnType<Become>>().toEqualTypeOf<StockDocument | null>();
  });

  it("name four kinds of status", () => {
    expectTypeOf<Status>().toEqualTypeOf<"live" | "delayed" | "stale" | "offline">();
  });
});
