import { act, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { fieldsByColumn, mappingOf, tomlOf, wordsOf } from "../src/console/mapping.ts";
import { PreviewPage } from "../src/console/PreviewPage.tsx";
import { type Preview, startOf, TRIED_BYTES_MAX } from "../src/console/preview.ts";
import { json, openShop, type Shop } from "./shop.tsx";

const unmapped: Preview = {
  ...{ profile: "", partial: true, used: 0, quarantined: 0, complete: true, notes: [] },
  ...{ error: null, columns: ["Artikel", 'Name "kurz"', "EK"], fields: {}, mapping: {} },
  proposed: { sku: "Artikel", cost: "EK" },
  findings: [{ what: "encoding", value: "CP1252", why: "several lines are letters in it" }],
  rows: [
    {
      ...{ line: 2, outcome: "unmapped", sku: "", becomes: {}, bad: null },
      cells: { Artikel: "T-1", 'Name "kurz"': "Tasse", EK: "2,50" },
    },
  ],
};
const mapped: Preview = {
  ...unmapped,
  ...{ profile: "mapping", used: 1, quarantined: 1, fields: { sku: ["Artikel"], cost: ["EK"] } },
  mapping: {
    ...{ name: "mapping", decimal: ",", skip_when: [{ column: "EK", blank: true }] },
    fields: {
      sku: { columns: ["Artikel"], required: true },
      cost: { columns: ["Kosten", "EK"], blank: ["-"] },
      brand: { columns: ["Marke"] },
    },
  },
  rows: [
    {
      ...{ line: 2, outcome: "used", sku: "T-1", bad: null, cells: { Artikel: "T-1", EK: "2,50" } },
      becomes: { title: "Tasse", quantity: 5, offer: { cost_minor: 250, currency: "EUR" } },
    },
    {
      ...{ line: 3, outcome: "quarantined", sku: "", becomes: {}, cells: { Artikel: "", EK: "1" } },
      bad: { line: 3, column: "Artikel", code: "missing", reason: "blank", remedy: "Fill it in." },
    },
  ],
};

let shop: Shop;
afterEach(() => {
  shop.close();
  vi.useRealTimers();
});

async function tried(): Promise<void> {
  vi.useFakeTimers();
  shop = openShop((path) => {
    if (path.startsWith("/api/feeds/profiles")) return json({ items: [] });
    if (path.startsWith("/api/feeds/preview")) {
      return json(path.includes("mapping=") ? mapped : unmapped);
    }
    if (path.startsWith("/api/commands/")) {
      return json({ versions: {}, result: { applied: true } });
    }
    return json({ id: "run-1" });
  });
  await shop.show(<PreviewPage />);
  const input = screen.getByLabelText("File");
  fireEvent.change(input, { target: { files: [new File(["x"], "lager.csv")] } });
  await settle();
}

async function settle(): Promise<void> {
  await act(() => vi.advanceTimersByTimeAsync(500));
  await shop.advance(0);
}

test("a file that no profile fits is shown with a proposal, which holds once agreed to", async () => {
  await tried();
  expect(screen.getByText("1 rows, not mapped yet")).toBeTruthy();
  expect(screen.getByText("CP1252")).toBeTruthy();
  expect(screen.getByLabelText("SKU (needed)")).toHaveProperty("value", "Artikel");
  fireEvent.click(screen.getByText("Read it so"));
  await settle();
  const asked = shop.asked.filter((one) => one.includes("mapping="));
  expect(decodeURIComponent(asked[0] ?? "").replaceAll("+", " ")).toContain(
    'sku = { columns = ["Artikel"], required = true }',
  );
  expect(screen.getByText("1 of 2 rows would be used, 1 kept back")).toBeTruthy();
  const [, bad] = screen.getAllByTestId("preview-row");
  expect(bad?.querySelector("[data-wrong]")?.textContent).toBe("blank (wrong)");
});

test("a mapping is kept under a name, and the file taken in by it", async () => {
  await tried();
  fireEvent.click(screen.getByText("Read it so"));
  await settle();
  fireEvent.change(screen.getByLabelText("Name of this mapping"), { target: { value: "lager" } });
  fireEvent.click(screen.getByText("Keep this mapping"));
  await settle();
  expect(screen.getByText(/Kept as lager/)).toBeTruthy();
  fireEvent.change(screen.getByLabelText("Whose feed it is"), { target: { value: "Lager" } });
  fireEvent.click(screen.getByText("Take the file in"));
  await settle();
  expect(shop.asked.at(-1)).toContain("POST /api/imports?supplier=Lager&profile=lager");
});

test("while a file is taken in its run says how far it is", async () => {
  await tried();
  fireEvent.click(screen.getByText("Read it so"));
  await settle();
  fireEvent.change(screen.getByLabelText("Name of this mapping"), { target: { value: "lager" } });
  fireEvent.click(screen.getByText("Keep this mapping"));
  await settle();
  fireEvent.change(screen.getByLabelText("Whose feed it is"), { target: { value: "Lager" } });
  shop.answers = () => new Promise(() => undefined);
  fireEvent.click(screen.getByText("Take the file in"));
  await settle();
  expect(screen.getByText(/^Sending \d+ bytes…$/)).toBeTruthy();
  const run = /[&?]run=(\w+)/.exec(shop.asked.at(-1) ?? "")?.[1];
  const doc = { id: run, status: "running", rows: 0, quarantined: 0 };
  shop.server.put(`import:${run}`, doc);
  await settle();
  expect(screen.getByText(/looks at all of it first/)).toBeTruthy();
  shop.server.put(`import:${run}`, { ...doc, rows: 1_200, quarantined: 3 });
  await settle();
  expect(screen.getByText(/1,200 rows taken in, 3 of them kept back/)).toBeTruthy();
});

test("texts of columns come into the mapping as they are", () => {
  const fields = { sku: { columns: ['Name "kurz" \\'] } };
  const text = tomlOf({ fields, partial: false, decimal: "," });
  expect(text).toContain('sku = { columns = ["Name \\"kurz\\" \\\\"], required = true }');
  expect(text).toContain("partial = false");
  expect(text).toContain('decimal = ","');
  expect(text).not.toContain("title = {");
});

test("columns are joined and one is split, and the file is read so", async () => {
  await tried();
  fireEvent.change(screen.getByLabelText("Title"), { target: { value: "Artikel" } });
  const summary = screen.getByText("for Title", { exact: false }).closest("details");
  if (summary === null) throw new Error("no way to join");
  summary.open = true;
  fireEvent(summary, new Event("toggle"));
  fireEvent.change(screen.getByLabelText("And the column"), { target: { value: "EK" } });
  fireEvent.change(screen.getByLabelText("Of several columns"), { target: { value: "all" } });
  fireEvent.change(screen.getByLabelText(/^Between them/), { target: { value: " - " } });
  fireEvent.change(screen.getByLabelText("Take it apart at"), { target: { value: "/" } });
  fireEvent.change(screen.getByLabelText("Which part"), { target: { value: "1" } });
  await settle();
  const asked = decodeURIComponent(shop.asked.at(-1) ?? "").replaceAll("+", " ");
  expect(asked).toContain(
    'title = { columns = ["Artikel", "EK"], glue = " - ", split = "/", only = 1 }',
  );
});

test("what the form does not show stays in a mapping that it changes", () => {
  const text = tomlOf(mappingOf(mapped));
  expect(text).toContain('skip_when = [{ column = "EK", blank = true }]');
  expect(text).toContain('cost = { columns = ["EK"], blank = ["-"] }');
  expect(text).not.toContain("brand");
  expect(text).not.toContain("name =");
});

test("a column of two fields is shown with both, and words are read as they are written", () => {
  const fields = { brand: { columns: ["Artikel"] }, title: { columns: ["Artikel", "EK"] } };
  expect(fieldsByColumn({ fields }).get("Artikel")).toBe("Maker, Title");
  expect(wordsOf("Ja = 10, nein=0, viel")).toEqual({ ja: "10", nein: "0" });
});

test("of a large table the beginning is tried, of what is packed all", () => {
  const large = new Uint8Array(TRIED_BYTES_MAX + 1);
  expect(startOf(new File([large], "feed.csv")).size).toBe(TRIED_BYTES_MAX);
  expect(startOf(new File([large], "feed.XLSX")).size).toBe(TRIED_BYTES_MAX + 1);
  expect(startOf(new File(["a"], "feed.csv")).size).toBe(1);
});

test("a mapping starts with what the file was read by", () => {
  expect(mappingOf(mapped).fields.cost).toEqual({ columns: ["EK"], blank: ["-"] });
  expect(mappingOf(unmapped).fields).toEqual({
    sku: { columns: ["Artikel"] },
    cost: { columns: ["EK"] },
  });
});
