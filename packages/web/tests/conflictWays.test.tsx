import { ShopwireError, VersionConflict } from "@shopwire/client";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ConflictWays, differing } from "../src/console/ConflictWays.tsx";

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

test("another refusal is told and left", () => {
  show(new ShopwireError({ code: 2002, message: "That rule does not hold." }, 409));
  expect(screen.getByText("That rule does not hold.")).toBeTruthy();
  expect(screen.queryByTestId("keep-mine")).toBeNull();
});

test("fields that are no documents are compared whole", () => {
  expect(differing({ mine: { a: 1, b: [2] }, theirs: { a: 1, b: [3] } })).toEqual(["b"]);
  expect(differing({ mine: { rules: { a: 1 } }, theirs: { rules: null } })).toEqual(["rules"]);
});
