import { ShopwireError, VersionConflict } from "@shopwire/client";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ConflictWays, differing } from "../src/console/ConflictWays.tsx";
import { together } from "../src/console/together.ts";

afterEach(cleanup);

const MINE = { margin_percent: 20, floors: [1], rounding: "charm" };
const THEIRS = { margin_percent: 30, floors: [1], rounding: "none" };

function conflict() {
  const data = {
    ...{ topic: "rules:default", expected: 3, current: 4 },
    conflicts: [{ field: "rules", theirs: THEIRS, mine: MINE }],
  };
  const refusal = new ShopwireError({ code: 2000, name: "VersionConflict", data }, 409);
  return new VersionConflict(refusal, "pricing.put_rules", {}, async () => {
    throw new Error("nothing is sent by looking");
  });
}

function show(problem: Error | null, blocked = false) {
  const [onMine, onTheirs] = [vi.fn(), vi.fn()];
  const how = { what: "the rules", onMine, onTheirs, blocked };
  render(<ConflictWays problem={problem} {...how} />);
  return { onMine, onTheirs };
}

test("says what differs, and leaves the choice", () => {
  const problem = conflict();
  const { onMine, onTheirs } = show(problem);
  const words = screen.getByTestId("conflict-ways").textContent;
  expect(words).toContain("differ in: margin percent, rounding.");
  fireEvent.click(screen.getByTestId("keep-mine"));
  expect(onMine).toHaveBeenCalledWith(problem);
  fireEvent.click(screen.getByTestId("take-theirs"));
  expect(onTheirs).toHaveBeenCalledWith(problem);
});

test("nothing is kept over theirs while nothing can be sent", () => {
  const { onMine } = show(conflict(), true);
  fireEvent.click(screen.getByTestId("keep-mine"));
  expect(onMine).not.toHaveBeenCalled();
});

test("both changes together are a way, where they do not contradict each other", () => {
  const problem = conflict();
  const onBoth = vi.fn();
  const ways = { what: "the rules", onMine: vi.fn(), onTheirs: vi.fn(), onBoth, blocked: false };
  const base = { margin_percent: 20, floors: [1], rounding: "none" };
  const { rerender } = render(<ConflictWays problem={problem} base={base} {...ways} />);
  fireEvent.click(screen.getByRole("button", { name: "Both together" }));
  const both = { margin_percent: 30, floors: [1], rounding: "charm" };
  expect(onBoth).toHaveBeenCalledWith(problem, both);
  // Both changed the margin.
  const apart = { ...base, margin_percent: 10 };
  rerender(<ConflictWays problem={problem} base={apart} {...ways} />);
  expect(screen.queryByTestId("both-together")).toBeNull();
  // What it was is not known, or nothing of theirs would be lost anyway.
  rerender(<ConflictWays problem={problem} {...ways} />);
  expect(screen.queryByTestId("both-together")).toBeNull();
  rerender(<ConflictWays problem={problem} base={THEIRS} {...ways} />);
  expect(screen.queryByTestId("both-together")).toBeNull();
});

test("lists of things with names are put together name by name", () => {
  const [a, b, c] = [
    { name: "a", n: 1 },
    { name: "b", n: 1 },
    { name: "c", n: 1 },
  ];
  const of = (...rules: object[]) => ({ rules });
  expect(together(of(a), of(a, b), of(a, c))).toEqual(of(a, c, b));
  expect(together(of(a, b), of(b), of(a, b, c))).toEqual(of(b, c));
  expect(together(of(a), of({ ...a, n: 2 }), of({ ...a, n: 3 }))).toBeNull();
  expect(together({ n: [1] }, { n: [1, 2] }, { n: [1, 3] })).toBeNull();
  expect(together({}, { x: 1 }, { y: 2 })).toEqual({ x: 1, y: 2 });
  expect(together({ x: 1, y: 1 }, { y: 1 }, { x: 1, y: 2 })).toEqual({ y: 2 });
});

test("another refusal is told and left", () => {
  show(new ShopwireError({ code: 2002, message: "That rule does not hold." }, 409));
  expect(screen.getByText("That rule does not hold.")).toBeTruthy();
  expect(screen.queryByTestId("keep-mine")).toBeNull();
});

test("fields that are no documents are compared whole", () => {
  expect(differing({ mine: { a: 1, b: [2] }, theirs: { a: 1, b: [3] } })).toEqual(["b"]);
  expect(differing({ mine: { rules: { a: 1 } }, theirs: { rules: null } })).toEqual(["rules"]);
});
