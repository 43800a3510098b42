/** The console's door, before it is known whether a login is wanted. */

import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Gate } from "../src/console/Gate.tsx";
import { json } from "./shop.tsx";

const before = globalThis.fetch;
let answers: (() => Response)[] = [];
let asked = 0;

beforeEach(() => {
  vi.useFakeTimers();
  asked = 0;
  globalThis.fetch = (async () => {
    asked += 1;
    const answer = answers.shift();
    if (answer === undefined) throw new TypeError("Failed to fetch");
    return answer();
  }) as typeof fetch;
});

afterEach(() => {
  cleanup();
  globalThis.fetch = before;
  vi.useRealTimers();
});

/** In steps: the page sets its next timer when a step is over. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left >= 0; left -= 500) {
    await act(() => vi.advanceTimersByTimeAsync(Math.min(left, 500)));
  }
}

it("asks again where the shop gave no answer, and for a login only where it wants one", async () => {
  answers = [() => json({ message: "The database restarts." }, 503)];
  render(<Gate>inside</Gate>);
  await pass(0);
  expect(screen.getByTestId("unanswered").textContent).toContain("The database restarts.");
  expect(screen.queryByTestId("login")).toBeNull();
  await pass(500);
  expect(screen.getByTestId("unanswered").textContent).toContain("no way to it");
  answers = [() => json({ message: "A login is needed." }, 401)];
  await pass(1_000);
  expect(screen.getByTestId("login")).toBeTruthy();
  await pass(60_000);
  expect(asked, "who knows asks no more").toBe(3);
});

it("waits no longer than eight seconds between two questions", async () => {
  answers = [];
  render(<Gate>inside</Gate>);
  await pass(20_000);
  const soon = asked;
  expect(soon).toBeGreaterThanOrEqual(5);
  await pass(80_000);
  expect(asked - soon).toBeGreaterThanOrEqual(9);
  expect(asked - soon).toBeLessThanOrEqual(10);
});
