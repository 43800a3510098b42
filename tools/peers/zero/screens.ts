// Zero's own client, once for each screen of `shopwire bench peers`, and the endpoint that says what a
// named query means. Started with the port of zero-cache and the port of that endpoint.

import { createServer } from "node:http";
import { createInterface } from "node:readline";
import {
  createBuilder,
  createSchema,
  defineQueries,
  defineQuery,
  mustGetQuery,
  number,
  string,
  table,
  Zero,
} from "@rocicorp/zero";
import { handleQueryRequest } from "@rocicorp/zero/server";

const [cache, endpoint] = process.argv.slice(2).map(Number);
const TOGETHER = 10;

const stock = table("stock")
  .columns({ topic: string(), n: number(), available: number(), price: number() })
  .primaryKey("topic");
const schema = createSchema({ tables: [stock] });
const zql = createBuilder(schema);
type Page = { topics: string[] };
const queries = defineQueries({
  page: defineQuery(({ args }: { args: Page }) => zql.stock.where("topic", "IN", args.topics)),
});

function means(name: string, args: unknown) {
  return mustGetQuery(queries, name).fn({ args: args as Page, ctx: undefined });
}

const server = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  const wish = JSON.parse(Buffer.concat(parts).toString());
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(await handleQueryRequest(means, schema, wish)));
});
server.listen(endpoint, "127.0.0.1", () => say({ port: endpoint }));

function say(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

/** The machine's monotonic clock, which the writer takes too, in seconds. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}

let arrivals: [screen: number, moment: number, n: number][] = [];

function open(screen: number, topics: string[]): Promise<void> {
  const zero = new Zero({
    schema,
    cacheURL: `http://127.0.0.1:${cache}`,
    userID: `shopper-${screen}`,
    storageKey: `screen-${screen}`,
    kvStore: "mem",
    logLevel: "error",
  });
  const held = new Map<string, number>();
  return new Promise((resolve) => {
    zero.materialize(queries.page({ topics })).addListener((rows, state) => {
      const moment = now();
      for (const { topic, n } of rows as unknown as { topic: string; n: number }[]) {
        if (held.get(topic) === n) continue;
        held.set(topic, n);
        arrivals.push([screen, moment, n]);
      }
      if (state === "complete") resolve();
    });
  });
}

async function obey(wish: { do: string; wishes?: string[][] }): Promise<void> {
  if (wish.do === "watch") {
    const pages = wish.wishes ?? [];
    for (let at = 0; at < pages.length; at += TOGETHER) {
      const some = pages.slice(at, at + TOGETHER);
      await Promise.all(some.map((topics, nth) => open(at + nth, topics)));
    }
  }
  const taken = arrivals;
  if (wish.do !== "look") arrivals = [];
  const { user, system } = process.cpuUsage();
  say({ arrivals: taken, cpu_s: (user + system) / 1e6 });
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => obey(JSON.parse(line)));
lines.on("close", () => process.exit(0));
