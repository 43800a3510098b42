import { fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { Quarantine } from "../src/console/Quarantine.tsx";
import { json, openShop, type Shop } from "./shop.tsx";

const row = (seq: number) => ({
  ...{ seq, line: seq * 10, column: "stock", code: "Negative", reason: `Reason ${seq}.` },
  ...{ remedy: "Send 0.", raw: `a,b,${seq}` },
});

let shop: Shop;
afterEach(() => shop.close());

test("rows tell line, column, reason, remedy and the row as it came", async () => {
  shop = openShop(() => json({ items: [row(1)], next: null }));
  await shop.show(<Quarantine run="r" count={1} running={false} />);
  const text = screen.getByTestId("quarantine-row").textContent;
  for (const part of ["Line 10", "stock", "Reason 1.", "Send 0.", "a,b,1", "Negative"]) {
    expect(text).toContain(part);
  }
});

test("arrow keys go from row to row and stay within the list", async () => {
  shop = openShop(() => json({ items: [row(1), row(2)], next: null }));
  await shop.show(<Quarantine run="r" count={2} running={false} />);
  const [first, second] = [...document.querySelectorAll<HTMLElement>("summary")];
  first?.focus();
  fireEvent.keyDown(first as HTMLElement, { key: "ArrowDown" });
  expect(document.activeElement).toBe(second);
  fireEvent.keyDown(second as HTMLElement, { key: "ArrowDown" });
  expect(document.activeElement).toBe(second);
  fireEvent.keyDown(second as HTMLElement, { key: "ArrowUp" });
  expect(document.activeElement).toBe(first);
});

test("further rows are asked for from the last one on, and shown once", async () => {
  shop = openShop((path) =>
    path.includes("cursor=2")
      ? json({ items: [row(3)], next: null })
      : json({ items: [row(1), row(2)], next: 2 }),
  );
  await shop.show(<Quarantine run="r" count={3} running={false} />);
  fireEvent.click(screen.getByText("Show more"));
  await shop.advance(0);
  expect(screen.getAllByTestId("quarantine-row")).toHaveLength(3);
});

test("a run without bad rows says so", async () => {
  shop = openShop(() => json({ items: [], next: null }));
  await shop.show(<Quarantine run="r" count={0} running={false} />);
  expect(screen.getByText("Every row could be used")).toBeTruthy();
});
