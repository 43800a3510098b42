import { defineConfig, mergeConfig } from "vitest/config";
import pages from "./vite.config.ts";

/** Apart from the build, which must not need what the tests are run with. */
export default mergeConfig(
  pages,
  defineConfig({
    test: {
      environment: "happy-dom",
      // A file still has a window and modules of its own, without a process of its own.
      pool: "vmThreads",
      include: ["tests/**/*.test.{ts,tsx}"],
      // How busy the machine is decides nothing.
      testTimeout: 60_000,
      hookTimeout: 60_000,
      restoreMocks: true,
      unstubGlobals: true,
    },
  }),
);
