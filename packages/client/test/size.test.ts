/** What a page has to load: each way in has a budget, with a reserve that is a decision to spend. */

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { describe, expect, it } from "vitest";

const SOURCE = fileURLToPath(new URL("../src/", import.meta.url));
const KB = 1_000;

async function gzipped(entry: string): Promise<number> {
  const built = await build({
    configFile: false,
    logLevel: "silent",
    build: {
      write: false,
      minify: true,
      lib: { entry: SOURCE + entry, formats: ["es"] },
      rollupOptions: { external: ["react", "mobx", "@reduxjs/toolkit"] },
    },
  });
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) =>
    "output" in one ? one.output : [],
  );
  const code = outputs.map((one) => (one.type === "chunk" ? one.code : "")).join("");
  expect(code.length).toBeGreaterThan(KB);
  return gzipSync(code, { level: 9 }).length;
}

describe("what a page loads, gzipped", () => {
  it.each([
    // It was 9: tokens, tabs, the queue, lists, digests and long-poll are what a shop's page needs to
    // stay right, and splitting them would cost a request each before the first document is there.
    // 24 since every error code of the server is in it, and these grow with what it can refuse.
    ["the core", "index.ts", 24 * KB],
    ["the React skin, which shares the core", "react/index.ts", 2 * KB],
    ["the Redux skin, likewise", "redux/index.ts", 2 * KB],
    ["the MobX skin, likewise", "mobx/index.ts", 2 * KB],
    ["the way by GraphQL", "graphql/index.ts", 3 * KB],
  ])("%s", async (_name, entry, bytesMax) => {
    const bytes = await gzipped(entry);
    console.info(`${entry}: ${bytes} of ${bytesMax} bytes`);
    expect(bytes).toBeLessThanOrEqual(bytesMax);
  });
});
