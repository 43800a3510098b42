import { defineConfig } from "vitest/config";

/** The examples import the package by its name: they get the sources, without a build. */
const conditions = ["shopwire-source", "module", "browser", "development|production"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    environment: "node",
    // How busy the machine is decides nothing.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The client has no state of its own outside of what a test makes: files may share a process.
    isolate: false,
  },
});
