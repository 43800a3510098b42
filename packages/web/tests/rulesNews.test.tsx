import type { RoutingRules } from "@shopwire/client";
import { useTopic } from "@shopwire/client/react";
import { fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { RulesPanel } from "../src/console/prices/RulesPanel.tsx";
import type { PriceRules } from "../src/console/prices/types.ts";
import { RoutingRulesForm } from "../src/console/RoutingRulesForm.tsx";
import { json, openShop, type Shop } from "./shop.tsx";

const rules = {
  ...{ currency: "EUR", rules: [], markups: [], shipping_minor: 0, fee_minor: 0, fee_bp: 0 },
  ...{ margin_min_bp: 0, keep_map: false, compare_at: "none", ending: null, endings: [] },
} as unknown as PriceRules;

let shop: Shop;
afterEach(() => shop.close());

async function shown(): Promise<{ reads: number }> {
  const told = { reads: 0 };
  shop = openShop(() => json({}));
  const changed = (): void => {
    told.reads += 1;
  };
  await shop.show(<RulesPanel read={{ version: 0, rules, undo_to: null }} changed={changed} />);
  return told;
}

test("rules that somebody else puts are read again where nothing is typed", async () => {
  const told = await shown();
  shop.server.put("rules:default", { rules });
  await shop.advance(100);
  expect(told.reads).toBe(1);
  expect(screen.queryByTestId("rules-newer")).toBeNull();
});

test("what is typed stays until its writer says whose rules hold", async () => {
  const told = await shown();
  fireEvent.change(screen.getByLabelText("Currency"), { target: { value: "USD" } });
  shop.server.put("rules:default", { rules });
  await shop.advance(100);
  expect(screen.getByTestId("rules-newer").textContent).toContain("version 1");
  expect(told.reads).toBe(0);
  fireEvent.click(screen.getByText("Go on with mine"));
  expect(screen.queryByTestId("rules-newer")).toBeNull();
  expect(screen.getByLabelText("Currency")).toHaveProperty("value", "USD");
  shop.server.put("rules:default", { rules, later: true });
  await shop.advance(100);
  fireEvent.click(screen.getByText("Take theirs"));
  expect(told.reads).toBe(1);
});

const WEIGHED = {
  ...{ lead_day_minor: 20, unknown_lead_days: 3, split_minor: 0, score_bp: 0, doubt_bp: 0 },
  ...{ parcel_minor: 0, unit_minor: 0, fee_bp: 0, fee_minor: 0, reroute_loss_minor_max: 0 },
};
const routing = { ...WEIGHED, reroute: [], rules: [] } as unknown as RoutingRules;

interface Sent {
  readonly rules: RoutingRules;
  readonly expected_version: number;
}

/** Routing's form over what the shop says, where version 1 holds; what it sent. */
async function routingShown(): Promise<Sent[]> {
  const sent: Sent[] = [];
  shop = openShop((_path, request) => {
    const body = JSON.parse(String(request.body));
    sent.push(body);
    const theirs = shop.client.store.received("routing:default")?.v ?? 0;
    if (body.expected_version === theirs) return json({ versions: {}, result: null });
    const data = { topic: "routing:default", expected: body.expected_version, current: theirs };
    const conflicts = [{ field: "rules", mine: body.rules, theirs: { ...routing, fee_minor: 35 } }];
    return json({ code: 2000, name: "VersionConflict", data: { ...data, conflicts } }, 409);
  });
  function Page() {
    const live = useTopic("routing:default");
    if (!live?.doc) return null;
    const rules = live.doc.rules as RoutingRules;
    return <RoutingRulesForm rules={rules} version={live.v} nameOf={String} />;
  }
  shop.server.put("routing:default", { rules: routing });
  await shop.show(<Page />);
  return sent;
}

test("weights that are typed outlive what somebody else puts, and both can hold", async () => {
  const sent = await routingShown();
  const fee = () => screen.getByLabelText(/Payment's fee/) as HTMLInputElement;
  const lead = () => screen.getByLabelText(/A day of lead time/) as HTMLInputElement;
  fireEvent.change(lead(), { target: { value: "0.50" } });
  shop.server.put("routing:default", { rules: { ...routing, fee_minor: 35 } });
  await shop.advance(100);
  expect(lead().value).toBe("0.50");
  expect(screen.getByText(/Somebody else has changed the rules meanwhile/)).toBeTruthy();

  fireEvent.click(screen.getByText("Save weights"));
  await shop.advance(100);
  expect(screen.getByTestId("conflict-ways").textContent).toContain("Yours and theirs differ in");
  fireEvent.click(screen.getByTestId("both-together"));
  await shop.advance(100);
  expect(sent.at(-1)).toMatchObject({
    ...{ expected_version: 2, rules: { lead_day_minor: 50, fee_minor: 35 } },
  });
  shop.server.put("routing:default", { rules: sent.at(-1)?.rules });
  await shop.advance(100);
  expect([lead().value, fee().value]).toEqual(["0.50", "0.35"]);
  expect(screen.queryByTestId("conflict-ways")).toBeNull();
});

test("weights follow what somebody else puts where nothing is typed", async () => {
  await routingShown();
  shop.server.put("routing:default", { rules: { ...routing, fee_minor: 35 } });
  await shop.advance(100);
  expect((screen.getByLabelText(/Payment's fee/) as HTMLInputElement).value).toBe("0.35");
});
