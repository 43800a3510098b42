/** Fails where the storefront's scripts grow beyond what a phone should have to load. */

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const STOREFRONT_BYTES_MAX = 120_000;
const DIST = new URL("../dist/", import.meta.url);

interface Chunk {
  readonly file: string;
  readonly imports?: readonly string[];
}

const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", DIST), "utf8")) as Record<
  string,
  Chunk
>;

/** A chunk's file and those that it needs at once. */
function filesOf(name: string, seen: Set<string>): Set<string> {
  const chunk = manifest[name];
  if (chunk === undefined) throw new Error(`The build has no ${name}.`);
  if (seen.has(chunk.file)) return seen;
  seen.add(chunk.file);
  for (const other of chunk.imports ?? []) filesOf(other, seen);
  return seen;
}

const files = filesOf("src/storefront/Entrance.tsx", filesOf("index.html", new Set()));
const bytes = [...files]
  .map((file) => gzipSync(readFileSync(new URL(file, DIST)), { level: 9 }).length)
  .reduce((sum, size) => sum + size, 0);
console.log(`Storefront: ${bytes} bytes of script, gzip, of ${STOREFRONT_BYTES_MAX}.`);
if (bytes > STOREFRONT_BYTES_MAX) process.exitCode = 1;
