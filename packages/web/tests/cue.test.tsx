import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ANNOUNCE_MS_MIN, Announce, CUE_MS, Cued } from "../src/shared/cue.tsx";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const advance = (ms: number) => act(() => vi.advanceTimersByTime(ms));
const cell = (value: number | null) => (
  <Cued value={value} testId="cell">
    {value}
  </Cued>
);
const cue = () => screen.getByTestId("cell").dataset.cue;

test("the first value is no change", () => {
  const { rerender } = render(cell(null));
  rerender(cell(4));
  expect(cue()).toBeUndefined();
});

test("a change is marked with its direction, for a moment", () => {
  const { rerender } = render(cell(4));
  rerender(cell(3));
  expect(cue()).toBe("down");
  advance(CUE_MS - 100);
  rerender(cell(9));
  expect(cue()).toBe("up");
  advance(CUE_MS - 100);
  expect(cue()).toBe("up");
  advance(200);
  expect(cue()).toBeUndefined();
});

test("the same value again is no change", () => {
  const { rerender } = render(cell(4));
  rerender(cell(4));
  expect(cue()).toBeUndefined();
});

test("changes are said politely: not the first text, not too often, the latest one wins", () => {
  const { rerender, container } = render(<Announce text="4 left" />);
  const said = () => container.querySelector("[aria-live=polite]")?.textContent;
  advance(1);
  expect(said()).toBe("");
  advance(ANNOUNCE_MS_MIN);
  rerender(<Announce text="3 left" />);
  advance(1);
  expect(said()).toBe("3 left");
  rerender(<Announce text="2 left" />);
  rerender(<Announce text="1 left" />);
  advance(ANNOUNCE_MS_MIN / 2);
  expect(said()).toBe("3 left");
  advance(ANNOUNCE_MS_MIN);
  expect(said()).toBe("1 left");
});
