/** Where who uses the keyboard or a screen reader goes on after a step to another page. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { navigate } from "../src/shared/router.tsx";

beforeEach(() => {
  vi.useFakeTimers();
  document.body.innerHTML =
    '<a href="/b" id="pressed">B</a><input id="typed" /><main id="main" tabindex="-1"></main>';
});

afterEach(() => {
  vi.useRealTimers();
  document.body.innerHTML = "";
});

function goFrom(id: string, to: string): string | undefined {
  document.getElementById(id)?.focus();
  navigate(to);
  vi.runAllTimers();
  return document.activeElement?.id;
}

it("goes on at the new page", () => {
  expect(goFrom("pressed", "/another")).toBe("main");
});

it("leaves alone who types, and who only filters the page", () => {
  expect(goFrom("typed", "/one-more")).toBe("typed");
  expect(goFrom("pressed", "/one-more?q=cup")).toBe("pressed");
});

it("leaves alone who has gone on to something of the new page already", () => {
  document.getElementById("pressed")?.focus();
  navigate("/two-more");
  document.getElementById("typed")?.focus();
  vi.runAllTimers();
  expect(document.activeElement?.id).toBe("typed");
});
