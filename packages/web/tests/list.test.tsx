import { act, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { navigate } from "../src/shared/router.tsx";
import { QUIET_MS } from "../src/shared/useRevision.ts";
import { TYPING_MS } from "../src/storefront/SearchField.tsx";
import { Storefront } from "../src/storefront/Storefront.tsx";
import { json, openShop, type Shop } from "./shop.tsx";

class Observer {
  observe(): void {}
  disconnect(): void {}
}

const item = (id: string) => ({
  ...{ topic: `product:${id}`, v: 1, at: 0, prices: [], stocks: [] },
  doc: {
    ...{ id, title: `The ${id}`, description: "", brand: "", status: "active", images: [] },
    ...{ categories: [], tags: [], options: [], variants: [] },
  },
});
const page = (...ids: string[]) => json({ items: ids.map(item), next: null, total: ids.length });
const titles = () => screen.queryAllByTestId("product-card").map((card) => card.textContent);
const shows = (id: string) => titles().some((text) => text?.includes(`The ${id}`));

let shop: Shop;
let found: (q: string) => Promise<Response> | Response;

beforeEach(() => {
  vi.stubGlobal("IntersectionObserver", Observer);
  vi.stubGlobal("scrollTo", () => {});
  found = () => page("mug");
  shop = openShop((path) => {
    const url = new URL(path, "http://shop");
    if (url.pathname === "/api/products") return found(url.searchParams.get("q") ?? "");
    return json({ items: [] });
  });
});

afterEach(() => {
  shop.close();
  vi.useRealTimers();
});

async function open(address: string): Promise<void> {
  window.history.replaceState(null, "", address);
  await shop.show(<Storefront />);
}

function type(text: string): void {
  fireEvent.change(screen.getByRole("searchbox"), { target: { value: text } });
}

test("typing becomes the address once the fingers rest; one question for many letters", async () => {
  await open("/?sort=price");
  vi.useFakeTimers({ shouldAdvanceTime: true });
  for (const text of ["l", "la", "lam", "lamp"]) type(text);
  await act(() => vi.advanceTimersByTimeAsync(TYPING_MS + 10));
  expect(window.location.pathname + window.location.search).toBe("/search?q=lamp&sort=price");
  const asked = shop.asked.filter((path) => path.includes("/api/products?"));
  expect(asked.filter((path) => path.includes("q=l"))).toHaveLength(1);
});

test("a slow answer to earlier letters never replaces a later one", async () => {
  let release = (_answer: Response): void => {};
  found = (q) =>
    q === "slow"
      ? new Promise((resolve) => {
          release = resolve;
        })
      : page(`found-${q}`);
  await open("/search?q=slow");
  act(() => navigate("/search?q=quick"));
  await waitFor(() => expect(shows("found-quick")).toBe(true));
  release(page("found-slow"));
  await act(() => Promise.resolve());
  expect(shows("found-slow")).toBe(false);
  expect(shows("found-quick")).toBe(true);
});

test("the field follows the address when that moves by itself", async () => {
  await open("/search?q=lamp-field");
  act(() => navigate("/search?q=chair-field"));
  await waitFor(() =>
    expect((screen.getByRole("searchbox") as HTMLInputElement).value).toBe("chair-field"),
  );
});

test("nothing found says what to do", async () => {
  found = () => page();
  await open("/search?q=zzzz");
  expect(await screen.findByText("Nothing found for “zzzz”")).toBeTruthy();
});

test("a failed read tells why, and reads again when asked", async () => {
  const body = { code: 4001, name: "StorageUnavailable", message: "No database.", data: {} };
  found = () => json({ ...body, temporary: true, remedy: "Wait." }, 503);
  await open("/search?q=failing");
  expect(await screen.findByText("No database.")).toBeTruthy();
  found = () => page("back");
  fireEvent.click(screen.getByText("Try again"));
  await waitFor(() => expect(shows("back")).toBe(true));
});

test("a list that became another one shows it, once its revision has come to rest", async () => {
  const category = { slug: "all", name: "Everything", parent: null, products: 1 };
  shop.server.put("category:all", { ...category, revision: 1 });
  await open("/?sort=newest");
  await waitFor(() => expect(shows("mug")).toBe(true));
  vi.useFakeTimers({ shouldAdvanceTime: true });
  found = () => page("kettle", "mug");
  for (const revision of [2, 3, 4]) {
    shop.server.put("category:all", { ...category, revision });
    await shop.advance(0);
  }
  const before = shop.asked.length;
  await shop.advance(QUIET_MS + 10);
  await waitFor(() => expect(shows("kettle")).toBe(true));
  expect(shop.asked.slice(before).filter((path) => path.includes("/api/products"))).toHaveLength(1);
});
