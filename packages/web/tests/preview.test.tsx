import { act, fireEvent, screen, within } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { fieldsByColumn, mappingOf, takenOf, tomlOf, wordsOf } from "../src/console/mapping.ts";
import { keptWords } from "../src/console/mappingKept.ts";
import { conditionOf, conditionText, ruleOf, withCondition } from "../src/console/mappingRows.ts";
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
  expect(screen.getByText("1 row, not mapped yet")).toBeTruthy();
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
  expect(text).toContain('cost = { columns = ["Kosten", "EK"], blank = ["-"] }');
  expect(text).toContain('brand = { columns = ["Marke"] }');
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
  expect(mappingOf(mapped).fields.cost).toEqual({ columns: ["Kosten", "EK"], blank: ["-"] });
  expect(mappingOf(unmapped).fields).toEqual({
    sku: { columns: ["Artikel"] },
    cost: { columns: ["EK"] },
  });
});

test("conditions are read and written without a pattern, and what is more is kept", () => {
  const known = [
    { column: "A", one_of: ["out", "sold out"] },
    { column: "A", blank: true },
    { column: "A", blank: false },
    { column: "A", match: "^B\\.1" },
    { column: "A", match: "50\\+" },
    { column: "A", match: "^(x|y)$" },
  ];
  const tests = known.map((one) => ruleOf(one)?.test);
  expect(tests).toEqual(["one_of", "blank", "filled", "begins", "contains", "match"]);
  for (const one of known) expect(conditionOf(ruleOf(one) ?? fail())).toEqual(one);
  const both = { column: "A", one_of: ["x"], match: "^x" };
  expect(ruleOf(both)).toBeNull();
  expect(ruleOf({ column: "A", one_of: ["a, b"] })).toBeNull();
  expect(conditionText(both)).toBe("A is one of “x” and fits ^x");
  expect(conditionOf({ column: "A", test: "one_of", text: " , " })).toBeNull();
  const mapping = { fields: {}, skip_when: [both, { column: "B", blank: true }] };
  expect(withCondition(mapping, "skip_when", 1, null)).toEqual({ fields: {}, skip_when: [both] });
  const one = withCondition({ fields: {}, only_when: [both] }, "only_when", 0, null);
  expect(one).toEqual({ fields: {} });
});

function fail(): never {
  throw new Error("the form cannot show it");
}

test("what the form does not show is said in words", () => {
  expect(keptWords(mappingOf(mapped))).toEqual(["In Cost, - mean that there is nothing."]);
  const heads = { when: { column: "Type", match: "^v" } };
  const fields = {
    sku: { columns: ["A"], lookup: "sku" },
    id: { columns: ["B"], change: ["slug"] },
  };
  const lookups = { sku: { file: "skus.tsv", key: 0, value: 1 } };
  const said = keptWords({ fields, heads, lookups, brings: ["offer", "stock"] }).join("\n");
  expect(said).toContain("By Type, some rows describe a product");
  expect(said).toContain("skus.tsv");
  expect(takenOf({ fields, brings: ["offer", "stock"] })).toBe("offer stock");
  expect(said).toContain("SKU is looked up (sku).");
  expect(said).not.toContain("short name");
});

/** Queries of one part of the form, which is long. */
function part(legend: string): ReturnType<typeof within> {
  return within(screen.getByText(legend).closest("fieldset") ?? fail());
}

function lastMapping(): string {
  const asked = shop.asked.filter((one) => one.includes("mapping=")).at(-1) ?? "";
  return decodeURIComponent(asked).replaceAll("+", " ");
}

function choose(control: HTMLElement, value: string): void {
  fireEvent.change(control, { target: { value } });
}

test("rules of rows are said in the form, and taken away", async () => {
  await tried();
  const rows = part("Which rows count");
  choose(rows.getByLabelText("The column"), "EK");
  choose(rows.getByLabelText("Words, with commas between"), "auf Anfrage, -");
  fireEvent.click(rows.getByText("Add this rule"));
  choose(screen.getByLabelText("What is taken of it"), "stock");
  await settle();
  expect(lastMapping()).toContain('skip_when = [{ column = "EK", one_of = ["auf Anfrage", "-"] }]');
  expect(lastMapping()).toContain('brings = ["stock"]');
  fireEvent.click(rows.getByText(/^Remove/));
  await settle();
  expect(lastMapping()).not.toContain("skip_when");
});

test("a difference of variants has a name that stands in a cell", async () => {
  await tried();
  choose(screen.getByLabelText("Product that variants share"), "Artikel");
  const options = part("How the variants of a product differ");
  choose(options.getByLabelText("Name of difference 1"), "cell");
  choose(options.getByLabelText("Column with the name of difference 1"), "EK");
  choose(options.getByLabelText("Column with the value of difference 1"), "Artikel");
  await settle();
  expect(lastMapping()).toContain('options = [{ value_column = "Artikel", name_column = "EK" }]');
});

test("a table without a header is mapped by the numbers of its columns", async () => {
  await tried();
  fireEvent.click(screen.getByLabelText("Its first line is a row, and names no columns"));
  await settle();
  expect(shop.asked.at(-1)).toContain("header=false");
  expect(mappingOf(unmapped, "", false).columns).toEqual(unmapped.columns);
});
