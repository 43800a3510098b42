/** Writes down which files the shop's pages need, for the worker that keeps them at hand. */

import type { Plugin } from "vite";

const START = "index.html";
/** Runs the shop, and is nothing for shoppers. */
const NOT_SHOP = /src\/console\//;

interface Chunk {
  readonly type: "chunk" | "asset";
  readonly imports?: readonly string[];
  readonly dynamicImports?: readonly string[];
  readonly facadeModuleId?: string | null;
  readonly viteMetadata?: { readonly importedCss?: ReadonlySet<string> } | undefined;
}

/** The files of a build that can be reached from the page without entering the console. */
export function filesFrom(start: string, bundle: Readonly<Record<string, Chunk>>): string[] {
  const found = new Set<string>();
  const visit = (name: string): void => {
    const chunk = bundle[name];
    if (chunk === undefined || found.has(name)) return;
    if (NOT_SHOP.test(chunk.facadeModuleId ?? "")) return;
    found.add(name);
    for (const css of chunk.viteMetadata?.importedCss ?? []) found.add(css);
    for (const next of [...(chunk.imports ?? []), ...(chunk.dynamicImports ?? [])]) visit(next);
  };
  visit(start);
  return [...found].sort().map((name) => `/${name}`);
}

export function offlineList(): Plugin {
  return {
    name: "shopwire:offline",
    apply: "build",
    generateBundle(_options, bundle) {
      const start = Object.values(bundle).find(
        (one) => one.type === "chunk" && one.facadeModuleId?.endsWith(START),
      );
      if (start === undefined) throw new Error(`The build has no ${START}.`);
      const files = filesFrom(start.fileName, bundle as Record<string, Chunk>);
      this.emitFile({
        type: "asset",
        fileName: "offline.json",
        source: JSON.stringify({ files }, null, 1),
      });
    },
  };
}
