import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";
import { offlineList } from "./dev/offline.ts";

/** Where `npm run dev` finds a running shop; `shopwire demo` listens there by itself. */
const SHOP = process.env.SHOPWIRE_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react(), offlineList()],
  resolve: { conditions: ["shopwire-source", "module", "browser", "development|production"] },
  build: {
    // The server's Content-Security-Policy takes files of its own origin, and no data: scripts.
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { index: "index.html", worker: "src/worker/worker.ts" },
      output: {
        // Its address says how far it reaches, and stays the same.
        entryFileNames: ({ name }) => (name === "worker" ? "worker.js" : "assets/[name]-[hash].js"),
      },
    },
    target: "es2023",
  },
  server: {
    proxy: {
      "/api": SHOP,
      "/pictures": SHOP,
      "/sync": { target: SHOP, ws: true },
    },
  },
});
