import type { ImportHold } from "@shopwire/client";
import { act, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ChangesPanel } from "../src/console/ChangesPanel.tsx";
import { linesOf } from "../src/console/changes.ts";
import { HoldPanel } from "../src/console/HoldPanel.tsx";
import { MendForm, ordered } from "../src/console/MendForm.tsx";
import type { ImportRun } from "../src/shared/documents.ts";
import { json, openShop, type Shop } from "./shop.tsx";

const HOLD: ImportHold = {
  reasons: [{ rule: "zeroed", count: 40, of: 50, limit_percent: 30 }],
  ...{ products: 0, offers: 0, counts: 40, discontinued: 0, kept: true },
  examples: [{ sku: "MUG", field: "stock", before: 5, now: 0, currency: "" }],
};
const RUN = {
  ...{ id: "r", supplier: "Acme", profile: "generic", source: "a.csv", status: "finished" },
  ...{ kind: "partial", rows: 2, changed: 2, unchanged: 0, quarantined: 0, mended: 0, dropped: 0 },
  ...{ discontinued: 0, altered: 1, restored: 0, stayed: 0, hold: null, decided_by: "" },
  ...{ notes: [], started_at_ms: 1, finished_at_ms: 2, error: null },
} as unknown as ImportRun;
const CHANGES = {
  items: [
    {
      ...{ seq: 1, key: "mug" },
      altered: [
        {
          ...{ what: "offer", id: "MUG", supplier: "acme" },
          ...{ was: { cost_minor: 200, currency: "EUR" }, now: { cost_minor: 300 } },
        },
      ],
    },
  ],
  next: null,
};

let shop: Shop;
afterEach(() => shop?.close());

test("a held feed tells why and goes in once, when a person says so", async () => {
  let decided = 0;
  shop = openShop(() => json({}));
  await shop.show(
    <HoldPanel run={{ ...RUN, status: "held" }} hold={HOLD} decided={() => (decided += 1)} />,
  );
  const text = screen.getByTestId("hold").textContent;
  expect(text).toContain("40 of 50 articles in stock would have none left");
  expect(text).toContain("MUG");
  fireEvent.click(screen.getByTestId("approve"));
  fireEvent.click(screen.getByTestId("approve"));
  await shop.advance(0);
  expect(shop.asked.filter((one) => one.startsWith("POST"))).toEqual([
    "POST /api/imports/r/approve",
  ]);
  expect(decided).toBe(1);
});

test("a held feed tells how long it waits, and of what took effect meanwhile", async () => {
  const started_at_ms = Date.now() - 3 * 24 * 3_600_000;
  const newer = { ...RUN, id: "n", changed: 4, started_at_ms: started_at_ms + 1 };
  shop = openShop((path) => json(path.startsWith("/api/imports?") ? { items: [newer] } : {}));
  const run: ImportRun = { ...RUN, status: "held", started_at_ms };
  await shop.show(<HoldPanel run={run} hold={HOLD} decided={() => undefined} />);
  await shop.advance(0);
  expect(screen.getByTestId("waits").textContent).toContain("(3 days)");
  expect(screen.getByText(/A newer import of this supplier took effect/)).toBeTruthy();
});

test("a feed that is not kept cannot be taken from here, and the reason is told", async () => {
  shop = openShop(() => json({}));
  await shop.show(
    <HoldPanel run={RUN} hold={{ ...HOLD, kept: false }} decided={() => undefined} />,
  );
  fireEvent.click(screen.getByTestId("approve"));
  expect(shop.asked.filter((one) => one.startsWith("POST"))).toEqual([]);
  expect(screen.getByTestId("hold").textContent).toContain("send it again");
});

test("an undo asks once more, can be left with Escape, and shows what was refused", async () => {
  const refused = { code: 2002, name: "RuleBroken", message: "It goes on.", remedy: "", data: {} };
  shop = openShop((path) => (path.includes("undo") ? json(refused, 422) : json(CHANGES)));
  await shop.show(<ChangesPanel run={RUN} decided={() => undefined} />);
  expect(screen.getByTestId("change").textContent).toBe("MUGCost€2.00€3.00");
  fireEvent.click(screen.getByTestId("undo"));
  expect(document.activeElement).toBe(screen.getByTestId("undo-sure"));
  fireEvent.keyDown(screen.getByTestId("undo-sure"), { key: "Escape" });
  await act(() => new Promise((done) => setTimeout(done)));
  expect(document.activeElement).toBe(screen.getByTestId("undo"));
  fireEvent.click(screen.getByTestId("undo"));
  fireEvent.click(screen.getByTestId("undo-sure"));
  await shop.advance(0);
  expect(screen.getByRole("alert").textContent).toBe("It goes on.");
});

test("a row is mended by its cells, the wrong one first, and only what changed is sent", async () => {
  const sent: unknown[] = [];
  let settled = "";
  const row = {
    ...{ seq: 7, line: 3, column: "stock", code: "negative", reason: "", remedy: "", raw: "" },
    cells: { note: "", sku: "MUG", stock: "-1" },
  };
  expect(ordered(row)).toEqual(["stock", "sku", "note"]);
  shop = openShop((_, request) => {
    sent.push(JSON.parse(String(request.body)));
    return json({});
  });
  await shop.show(<MendForm run="r" row={row} settled={(outcome) => (settled = outcome)} />);
  const field = screen.getByLabelText("stock");
  expect(field.getAttribute("aria-invalid")).toBe("true");
  fireEvent.change(field, { target: { value: "4" } });
  fireEvent.submit(screen.getByTestId("mend"));
  await shop.advance(0);
  expect(sent).toEqual([{ cells: { stock: "4" } }]);
  expect(settled).toBe("mended");
});

test("what was not there before is told without what it says nothing of", () => {
  const now = { cost_minor: 200, currency: "EUR", map_minor: null, active: true };
  const altered = [{ what: "offer", id: "P", supplier: "acme", was: null, now } as const];
  const lines = linesOf({ seq: 1, key: "p", altered });
  expect(lines.map(({ field, before, after }) => [field, before, after])).toEqual([
    ["Cost", "–", "€2.00"],
    ["Offer", "–", "offered"],
  ]);
});
