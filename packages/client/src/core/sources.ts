/** Documents about where suppliers' feeds come from, and how their data stands. For operators. */

/** Where a feed is. A secret is named, never shown. */
export interface SourcePlace {
  kind: "folder" | "http" | "sftp" | "push";
  address: string;
  pattern: string;
  secret: string;
  header: string;
  host_key: string;
}

/** When a source is looked at: every so many minutes, or once a day. */
export interface SourceSchedule {
  every_minutes: number | null;
  daily_at: string | null;
  time_zone: string;
}

export type FetchOutcome = "taken" | "unchanged" | "nothing_new" | "held" | "failed" | "lost";

/** What came of a source's last run; what it lacks is nothing. */
export interface SourceRun {
  began_ms: number;
  ended_ms: number;
  outcome: FetchOutcome;
  bytes?: number;
  rows?: number;
  run?: string | null;
  error?: string;
  reason?: string;
}

/** A place that a supplier's feed comes from; its id is `{supplier}/{name}`. */
export interface SourceDocument {
  supplier: string;
  name: string;
  place: SourcePlace;
  schedule: SourceSchedule | null;
  profile: string | null;
  encoding: string | null;
  currency: string;
  feed: "partial" | "full" | null;
  as_of: "none" | "modified" | "fetched";
  state: "active" | "paused" | "removed";
  running_since_ms: number | null;
  /** When it is looked at next, unless the supplier's breaker is open until later. */
  due_ms: number | null;
  trigger: "schedule" | "retry" | "asked" | "push" | null;
  /** In a row. */
  failures: number;
  last: SourceRun | null;
}

export type SupplyState = "fresh" | "late" | "stale" | "failed" | "paused";

/** A merchant's rule for one supplier whose data is stale. */
export interface SupplyRule {
  when_stale: "sell_on" | "growing_buffer" | "pause";
  units_per_hour: number;
  /** In hundredths of a percent of each count. */
  share_bp_per_hour: number;
  units_max: number;
  share_bp_max: number;
  late_after_minutes: number | null;
  stale_after_minutes: number | null;
}

/** What is kept back of each pool; what it lacks is nothing. */
export interface SupplyCaution {
  units?: number;
  share_bp?: number;
  everything?: boolean;
}

/** How a supplier's data stands. */
export interface SupplyDocument {
  supplier: string;
  state: SupplyState;
  good_ms: number | null;
  /** From when on it is late; null where nothing is expected. */
  late_ms: number | null;
  stale_ms: number | null;
  rule: SupplyRule;
  caution: SupplyCaution;
  breaker: "closed" | "open" | "half_open";
  breaker_reason: string;
  breaker_failures: number;
  /** When an open breaker lets one source be tried. */
  retry_ms: number | null;
  sources: string[];
}
