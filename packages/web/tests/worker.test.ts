import { describe, expect, it } from "vitest";
import { filesFrom } from "../dev/offline.ts";
import { kindOf, READS_MAX, worthKeeping } from "../src/worker/rules.ts";

const SHOP = "https://shop.example";

describe("what the worker answers for", () => {
  it.each([
    ["/", "navigate", "page"],
    ["/product/mug", "navigate", "page"],
    ["/cart", "navigate", "page"],
    ["/product/mug", "cors", "none"],
    ["/console", "navigate", "none"],
    ["/console/orders", "navigate", "none"],
    ["/consoles", "navigate", "page"],
    ["/assets/index-C5l_HWtF.js", "no-cors", "file"],
    ["/api/products", "cors", "read"],
    ["/api/products/mug?variant=1", "cors", "read"],
    ["/api/categories", "cors", "read"],
    ["/pictures/mug.svg", "no-cors", "read"],
    ["/api/orders", "cors", "none"],
    ["/api/sessions/me", "cors", "none"],
    ["/api/productsx", "cors", "none"],
    ["/api/status", "navigate", "none"],
    ["/sync/sse", "cors", "none"],
  ] as const)("%s, asked to %s: %s", (path, mode, kind) => {
    expect(kindOf({ method: "GET", mode, url: SHOP + path }, SHOP)).toBe(kind);
    expect(kindOf({ method: "POST", mode, url: SHOP + path }, SHOP)).toBe("none");
    expect(kindOf({ method: "GET", mode, url: `https://cdn.example${path}` }, SHOP)).toBe("none");
  });

  it("is told of what a page had loaded already, within bounds", () => {
    const urls = ["/api/products?q=a", "/api/products?q=a", "/api/orders", "/assets/a.js"];
    const whole = [...urls.map((path) => SHOP + path), "https://cdn.example/assets/b.js", "what?"];
    expect(worthKeeping(whole, SHOP)).toEqual(["/api/products?q=a", "/assets/a.js"]);
    const many = Array.from({ length: READS_MAX + 9 }, (_, n) => `${SHOP}/pictures/${n}.svg`);
    expect(worthKeeping(many, SHOP)).toHaveLength(READS_MAX);
  });
});

describe("the files that are kept at hand", () => {
  const chunk = (more: object = {}) => ({ type: "chunk" as const, ...more });

  it("are all that the page can come to need, and none of the console's own", () => {
    const css = { viteMetadata: { importedCss: new Set(["shop.css"]) } };
    const bundle = {
      "index.js": chunk({ imports: ["react.js"], dynamicImports: ["shop.js", "desk.js"] }),
      "react.js": chunk(),
      "shop.js": chunk({ imports: ["index.js"], dynamicImports: ["cart.js"], ...css }),
      "cart.js": chunk(),
      "desk.js": chunk({ facadeModuleId: "/x/src/console/Console.tsx", imports: ["chart.js"] }),
      "chart.js": chunk(),
      "shop.css": { type: "asset" as const },
    };
    const kept = ["cart.js", "index.js", "react.js", "shop.css", "shop.js"];
    expect(filesFrom("index.js", bundle)).toEqual(kept.map((name) => `/${name}`));
  });
});
