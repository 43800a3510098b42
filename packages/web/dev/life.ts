/** What happens in the made-up shop while one looks: sales, feeds, prices, a pulse. */

import type { ConflictDocument, OrderDocument } from "@shopwire/client";
import type { BadRow, ImportRun, Price, Stock } from "../src/shared/documents.ts";
import { SUPPLIERS, type World } from "./world.ts";

const RUN_STEPS = 8;

/** What a run has that nobody decided about. */
const NO_DECISION = {
  kind: "partial",
  ...{ mended: 0, dropped: 0, discontinued: 0, altered: 0, restored: 0, stayed: 0 },
  ...{ hold: null, decided_by: "" },
} as const;

export class Life {
  readonly runs: ImportRun[] = [];
  readonly bad = new Map<string, BadRow[]>();
  screens = 0;
  frames = 0;
  #events = 0;
  #timers: ReturnType<typeof setInterval>[] = [];

  constructor(readonly world: World) {
    world.on((topic) => {
      if (!topic.startsWith("ops:")) this.#events += 1;
    });
    for (let at = 0; at < 9; at += 1) this.#finishedRun(at);
  }

  start(): void {
    this.#timers = [
      setInterval(() => this.#sale(), 420),
      setInterval(() => this.#price(), 2_600),
      setInterval(() => this.#runStep(), 600),
      setInterval(() => this.#pulse(), 1_000),
    ];
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #anySku(): string {
    const skus = [...this.world.pools.keys()];
    return skus[Math.floor(this.world.random() * skus.length)] ?? "";
  }

  #sale(): void {
    const sku = this.#anySku();
    if ((this.world.read<Stock>(`stock:${sku}`)?.available ?? 0) > 0) {
      this.world.move(sku, "sale", 1, "demo-order");
    }
  }

  #price(): void {
    const topic = `price:${this.#anySku()}`;
    const price = this.world.read<Price>(topic);
    if (!price) return;
    const step = (this.world.random() < 0.5 ? -1 : 1) * 100;
    this.world.put(topic, { ...price, amount_minor: Math.max(490, price.amount_minor + step) });
  }

  #runStep(): void {
    const run = this.runs.find((one) => one.status === "running");
    if (run === undefined) {
      if (this.world.random() < 0.3) this.#startRun();
      return;
    }
    const changed = Math.floor(this.world.random() * 9);
    const rows = run.rows + 40;
    const quarantined = run.quarantined + (this.world.random() < 0.25 ? 1 : 0);
    if (quarantined > run.quarantined) this.#quarantine(run.id, rows);
    const sku = this.#anySku();
    this.world.move(sku, "report", 4 + Math.floor(this.world.random() * 30), run.id);
    const done = rows >= RUN_STEPS * 40;
    this.#put({
      ...{ ...run, rows, quarantined, changed: run.changed + changed },
      unchanged: rows - run.changed - changed - quarantined,
      status: done ? "finished" : "running",
      finished_at_ms: done ? Date.now() : null,
    });
  }

  #startRun(): void {
    const supplier = SUPPLIERS[Math.floor(this.world.random() * SUPPLIERS.length)];
    this.#put({
      ...{ id: `run-${Date.now().toString(36)}`, supplier: supplier?.id ?? "", profile: "generic" },
      ...{
        source: `${supplier?.id}-stock.csv`,
        status: "running",
        rows: 0,
        changed: 0,
        unchanged: 0,
      },
      ...NO_DECISION,
      ...{
        quarantined: 0,
        notes: [],
        started_at_ms: Date.now(),
        finished_at_ms: null,
        error: null,
      },
    });
  }

  #finishedRun(at: number): void {
    const supplier = SUPPLIERS[at % SUPPLIERS.length]?.id ?? "";
    const failed = at === 3;
    const quarantined = at % 3;
    const changed = Math.floor(this.world.random() * 60);
    const started = Date.now() - (12 - at) * 47_000;
    const id = `run-old-${at}`;
    for (let row = 0; row < quarantined; row += 1) this.#quarantine(id, 17 + row * 31);
    this.#put({
      ...{ id, supplier, profile: "generic", source: `${supplier}-stock.csv` },
      ...NO_DECISION,
      ...{ status: failed ? "failed" : "finished", rows: 320, changed, quarantined },
      ...{ unchanged: 320 - changed - quarantined, notes: [], started_at_ms: started },
      finished_at_ms: started + 1_800 + at * 210,
      error: failed ? "The file ends in the middle of line 212." : null,
    });
  }

  #quarantine(run: string, line: number): void {
    const rows = this.bad.get(run) ?? [];
    const cases = [
      ["stock", "StockNegative", "-4 is less than none.", "Send 0 where nothing is left."],
      [
        "cost",
        "NotANumber",
        "“on request” is no amount.",
        "Send a number such as 12.50, or leave it out.",
      ],
      ["sku", "Missing", "The row has no article number.", "Every row needs the SKU it speaks of."],
    ] as const;
    const [column, code, reason, remedy] = cases[rows.length % cases.length] ?? cases[0];
    rows.push({
      ...{ seq: rows.length + 1, line, column, code, reason, remedy },
      raw: `fjord-mug,Fjord Mug,"A mug, for every day",Tideware,Mugs & Cups,MUG-FJO-1,4.20,EUR,-4`,
    });
    this.bad.set(run, rows);
  }

  #put(run: ImportRun): void {
    const known = this.runs.findIndex((one) => one.id === run.id);
    if (known < 0) this.runs.unshift(run);
    else this.runs[known] = run;
    this.world.put(`import:${run.id}`, run);
    if (known < 0) {
      this.world.put("imports:recent", { runs: this.runs.slice(0, 20).map((one) => one.id) });
    }
  }

  #pulse(): void {
    const events = this.#events;
    this.world.put("ops:pulse", {
      ...{ events_per_s: events, commands_per_s: Math.max(0, events - 1), refused_per_s: 0 },
      ...{ log_head: this.world.docs.size, hub_lag_ms: Math.round(this.world.random() * 9) },
      ...{ screens: this.screens, frames_per_s: this.frames, topics: this.world.docs.size },
      ...{ queue: 0, database: "up", now_ms: Date.now() },
    });
    this.#events = 0;
    this.frames = 0;
    this.#orders();
  }

  #orders(): void {
    const of = <D>(kind: string): D[] =>
      [...this.world.docs]
        .filter(([topic]) => topic.startsWith(kind))
        .map(([, { doc }]) => doc as D)
        .reverse();
    const orders = of<OrderDocument>("order:");
    const since = Date.now() - 60_000;
    this.world.put("ops:orders", {
      per_minute: orders.filter(({ placed_at_ms }) => (placed_at_ms ?? 0) > since).length,
      open_conflicts: of<ConflictDocument>("conflict:").filter((one) => one.status === "open")
        .length,
      recent: orders.slice(0, 50).map(({ id, number, status }) => ({ id, number, status })),
      now_ms: Date.now(),
    });
  }
}
