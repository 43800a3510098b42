// @vitest-environment happy-dom
/** The examples of the skins do what they say, and are what the README shows. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { describe, expect, it } from "vitest";
import { openShop as openMobx } from "../examples/mobx.ts";
import { StockLine } from "../examples/react.tsx";
import { openShop as openRedux } from "../examples/redux.ts";
import { CODES } from "../src/core/codes.ts";
import { ShopwireProvider } from "../src/react/index.ts";
import { open } from "./setUp.ts";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

/** A shop with mugs that sells on the connection: each command changes the stock, or is refused. */
async function selling(units: number) {
  const all = await open();
  const { server, clock } = all;
  let left = units;
  const put = () => server.put("stock:MUG", { sku: "MUG", available: left, status: "in_stock" });
  put();
  server.command = ({ id }) => {
    if (left === 0) {
      const said = { name: "StockShort", message: "Only 0 left.", temporary: false, remedy: "" };
      return { t: "error", id, status: 409, code: CODES.StockShort, ...said, data: {} };
    }
    left -= 1;
    const body = { versions: { "stock:MUG": put() }, result: null };
    return { t: "done", id, status: 200, body, replayed: false };
  };
  server.connections[0]?.close(1006); // The limits of a connection come with its welcome.
  await clock.advance(1_000);
  return all;
}

async function settled(all: Awaited<ReturnType<typeof selling>>, run: () => unknown) {
  const done = Promise.resolve(run()).catch((problem: unknown) => problem);
  await all.clock.advance(100);
  return done;
}

describe("the example with", () => {
  it("React sells, and says why it does not", async () => {
    const all = await selling(1);
    const place = document.createElement("div");
    const line = createElement(StockLine, { sku: "MUG" });
    const page = createElement(ShopwireProvider, { client: all.client }, line);
    await act(async () => createRoot(place).render(page));
    await act(async () => all.clock.advance(100));
    expect(place.querySelector("p")?.textContent).toBe("1 left");
    expect(place.querySelector("section")?.dataset.status).toBe("live");
    for (const [text, told] of [
      ["0 left", ""],
      ["0 left", "Only 0 left."],
    ]) {
      await act(async () => place.querySelector("button")?.click());
      await act(async () => all.clock.advance(100));
      expect(place.querySelector("p")?.textContent).toBe(text);
      expect(place.querySelector("[role=alert]")?.textContent).toBe(told);
    }
  });

  it("Redux does, too", async () => {
    const all = await selling(1);
    const { left, sellOne, close } = openRedux(all.client);
    await all.clock.advance(100);
    expect(left()).toBe(1);
    await settled(all, sellOne);
    expect(left()).toBe(0);
    expect(await settled(all, sellOne)).toMatchObject({ code: CODES.StockShort });
    expect(left()).toBe(0);
    close();
  });

  it("MobX does, too", async () => {
    const all = await selling(1);
    const shown: string[] = [];
    const { left, sellOne, close } = openMobx(all.client, (text) => shown.push(text));
    await all.clock.advance(100);
    expect(shown.at(-1)).toBe("1 left");
    await settled(all, sellOne);
    expect([left(), shown.at(-1)]).toEqual([0, "0 left"]);
    await settled(all, sellOne);
    expect(shown.at(-1)).toBe("Only 0 left.");
    expect(left()).toBe(0);
    close();
  });

  it.each(["react.tsx", "redux.ts", "mobx.ts"])("%s is what the README shows", (name) => {
    const read = (path: string) =>
      readFileSync(fileURLToPath(new URL(path, import.meta.url)), "utf8");
    const [, ...code] = read(`../examples/${name}`).split("\n\n");
    expect(read("../README.md")).toContain(`\n${code.join("\n\n")}`);
  });
});
