import { fireEvent, screen, within } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { MatchesPage } from "../src/console/MatchesPage.tsx";
import { clearCandidate } from "../src/console/matches.ts";
import { json, openShop, type Shop } from "./shop.tsx";

const candidate = (sku: string, because: string[]) => ({
  ...{ sku, because, product: "pan", title: "Iron pan", variant: "", brand: "Hearth", mpn: "" },
  ...{ gtin: null, image: "", price_minor: 900, currency: "EUR", available: 7 },
  suppliers: ["first"],
});
const waiting = (supplier_sku: string, reasons: string[], ...skus: string[]) => ({
  ...{ supplier: "second", supplier_sku, status: "waiting", run: "r", line: 2, reasons },
  ...{ title: "Iron Pan", variant: "", brand: "", gtin: null, mpn: "", image: "" },
  ...{ cost_minor: 800, currency: "EUR", quantity: 3, new_sku: supplier_sku, new_product: "c" },
  ...{ sku: "", decided_by: "", waits_since_ms: 1 },
  candidates: skus.map((sku) => candidate(sku, ["title"])),
});

let shop: Shop;
let items: ReturnType<typeof waiting>[];
let sent: { path: string; body: unknown }[];
afterEach(() => shop.close());

function open(...rows: ReturnType<typeof waiting>[]): void {
  items = rows;
  sent = [];
  shop = openShop((path, request) => {
    if (path.startsWith("/api/suppliers")) {
      return json({ items: [{ id: "second", name: "Second", status: "active", offers: 1 }] });
    }
    if (path.includes("/links")) {
      const link = { supplier_sku: "X-9", state: "linked", sku: "MUG", how: "gtin", title: "Mug" };
      return json({ items: [link], next: null });
    }
    if (path.startsWith("/api/matches")) return json({ items, next: null });
    if (!path.startsWith("/api/commands/")) return json({ items: [] });
    sent.push({ path, body: JSON.parse(String(request.body)) });
    return json({ versions: {}, result: { applied: true } });
  });
}

test("a row stands beside the articles that it may be, with what speaks for them", async () => {
  open(waiting("C", ["near_title"], "PAN"));
  await shop.show(<MatchesPage />);
  const row = screen.getByTestId("match");
  for (const part of ["C", "Only the name", "Iron Pan", "PAN", "like name", "7 to be sold"]) {
    expect(row.textContent).toContain(part);
  }
  expect(within(row).getByRole("radio", { name: /Iron pan/ })).toHaveProperty("checked", true);
});

test("the chosen article is linked, a typed one too, and a new one takes the free SKU", async () => {
  open(waiting("C", ["several_skus"], "PAN", "POT"));
  await shop.show(<MatchesPage />);
  fireEvent.click(screen.getAllByRole("radio")[1] as HTMLElement);
  fireEvent.click(screen.getByText("Link to POT"));
  await shop.advance(0);
  fireEvent.change(screen.getByLabelText("Another SKU"), { target: { value: "JUG" } });
  fireEvent.click(screen.getByText("Link to JUG"));
  await shop.advance(0);
  fireEvent.click(screen.getByText("New article C"));
  await shop.advance(0);
  const row = { supplier: "second", supplier_sku: "C" };
  expect(sent).toEqual([
    { path: "/api/commands/matching.link", body: { ...row, sku: "POT" } },
    { path: "/api/commands/matching.link", body: { ...row, sku: "JUG" } },
    { path: "/api/commands/matching.make_new", body: { ...row, sku: "C", product: "c" } },
  ]);
});

test("many at once: only rows with one clear candidate are linked", async () => {
  open(
    waiting("C", ["near_title"], "PAN"),
    waiting("D", ["several_skus"], "PAN", "POT"),
    waiting("E", ["gtin_differs"], "JUG"),
  );
  await shop.show(<MatchesPage />);
  fireEvent.click(screen.getByLabelText("All on this page"));
  fireEvent.click(screen.getByText("Link 1 with one clear candidate"));
  await shop.advance(0);
  expect(sent.map(({ body }) => body)).toEqual([
    { supplier: "second", supplier_sku: "C", sku: "PAN" },
  ]);
});

test("arrow keys go from row to row", async () => {
  open(waiting("C", ["near_title"], "PAN"), waiting("D", ["near_title"], "POT"));
  await shop.show(<MatchesPage />);
  const boxes = [...document.querySelectorAll<HTMLElement>(".matches .match-pick input")];
  boxes[0]?.focus();
  fireEvent.keyDown(boxes[0] as HTMLElement, { key: "ArrowDown" });
  expect(document.activeElement).toBe(boxes[1]);
});

test("who decides about a row goes on at the one that takes its place", async () => {
  const [first, ...others] = ["C", "D", "E"].map((one) => waiting(one, ["near_title"], one + one));
  open(first as ReturnType<typeof waiting>, ...others);
  await shop.show(<MatchesPage />);
  const pressed = screen.getByText("Link to CC");
  pressed.focus();
  items = others;
  fireEvent.click(pressed);
  await shop.advance(0);
  shop.server.put("matches:queue", { waiting: { second: 2 } });
  await shop.advance(100);
  await shop.advance(100);
  expect(screen.queryByText("Link to CC")).toBeNull();
  expect(document.activeElement).toBe(document.querySelector(".matches .match-pick input"));
});

test("an empty queue says how a supplier is matched", async () => {
  open();
  await shop.show(<MatchesPage />);
  expect(screen.getByText("No row waits")).toBeTruthy();
});

test("a supplier is matched once a person says so, and what was found can be taken back", async () => {
  open();
  await shop.show(<MatchesPage />);
  fireEvent.change(screen.getByLabelText("Its SKUs"), { target: { value: "match" } });
  await shop.advance(0);
  const policy = { supplier: "second", mode: "match", unknown: "make", titles: true };
  expect(sent.at(-1)).toEqual({ path: "/api/commands/matching.put_policy", body: policy });
  shop.server.put("match_policy:second", policy);
  await shop.advance(100);
  fireEvent.click(screen.getByText("What was found"));
  await shop.advance(0);
  expect(screen.getByText("by its GTIN")).toBeTruthy();
  fireEvent.click(screen.getByLabelText("Take X-9 back"));
  await shop.advance(0);
  const row = { supplier: "second", supplier_sku: "X-9" };
  expect(sent.at(-1)).toEqual({ path: "/api/commands/matching.forget", body: row });
});

test("what something speaks against is no clear candidate", () => {
  const one = [candidate("PAN", ["mpn"])];
  expect(clearCandidate({ candidates: one, reasons: ["near_title"] })?.sku).toBe("PAN");
  expect(clearCandidate({ candidates: one, reasons: ["gtin_differs"] })).toBeNull();
  expect(clearCandidate({ candidates: [], reasons: ["unknown"] })).toBeNull();
});
