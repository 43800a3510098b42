import { defineConfig } from "vite";
import { mockServer } from "./dev/mock.ts";
import pages from "./vite.config.ts";

/** The pages before a shop that is made up; apart, since it needs the client package built. */
export default defineConfig({
  ...pages,
  plugins: [...(pages.plugins ?? []), mockServer()],
  server: {},
});
