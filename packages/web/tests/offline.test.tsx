/** What is pressed before the first connection, and where none can be had. */

import { act, cleanup, screen } from "@testing-library/react";
import { afterEach, expect, it } from "vitest";
import { AskButton } from "../src/console/AskButton.tsx";
import { json, openShop, type Shop } from "./shop.tsx";

let shop: Shop;

afterEach(() => {
  shop.close();
  cleanup();
});

async function press(): Promise<void> {
  await act(async () => screen.getByTestId("ask").click());
}

function Ask() {
  const ask = () => void shop.client.sendUntyped("sources.run_now", {}).catch(() => undefined);
  return (
    <AskButton name="ask" pending={false} ask={ask}>
      Run now
    </AskButton>
  );
}

const isOff = (): boolean => screen.getByTestId("ask").getAttribute("aria-disabled") === "true";
const POST = "POST /api/commands/sources.run_now";

it("sends over HTTP what is pressed while the first connection is being made", async () => {
  shop = openShop(() => json({ versions: {}, result: null }));
  shop.server.answering = false;
  await shop.show(<Ask />);
  expect(shop.client.connection).toBe("handshaking");
  expect(isOff()).toBe(false);
  await press();
  expect(shop.asked).toEqual([POST]);
});

it("says that nothing can be sent once no way led to the shop, until one does", async () => {
  shop = openShop(() => json({ versions: {}, result: null }));
  shop.server.reachable = false;
  await shop.show(<Ask />);
  expect(isOff()).toBe(true);
  await press();
  expect(shop.asked).toEqual([]);
  shop.server.reachable = true;
  await shop.advance(30_000);
  expect(isOff()).toBe(false);
});

it("takes a connection that is begun anew for a first one, and a lost one for lost", async () => {
  shop = openShop(() => json({ versions: {}, result: null }));
  await shop.show(<Ask />);
  await act(async () => shop.client.stop());
  expect(isOff()).toBe(true);
  shop.server.answering = false;
  await act(async () => void shop.client.start());
  expect(isOff()).toBe(false);
  shop.server.answering = true;
  await shop.advance(3_000);
  expect(shop.client.connection).toBe("open");
  expect(isOff()).toBe(false);
  shop.server.reachable = false;
  shop.server.connections.at(-1)?.close(1006);
  await shop.advance(0);
  expect(isOff()).toBe(true);
});
