/** What the console shows of the pulse: names, units, how a number is written. */

import type { Pulse } from "../shared/documents.ts";

export interface Metric {
  readonly name: string;
  readonly label: string;
  readonly unit: string;
  readonly value: (pulse: Pulse) => number;
  /** From here on the value deserves a look. */
  readonly warnFrom?: number;
}

export const METRICS: readonly Metric[] = [
  { name: "events", label: "Events", unit: "/s", value: (pulse) => pulse.events_per_s },
  { name: "commands", label: "Commands", unit: "/s", value: (pulse) => pulse.commands_per_s },
  { name: "refused", label: "Refused", unit: "/s", value: (pulse) => pulse.refused_per_s },
  {
    name: "lag",
    label: "Hub lag",
    unit: "ms",
    value: (pulse) => pulse.hub_lag_ms,
    warnFrom: 1_000,
  },
  { name: "screens", label: "Screens", unit: "", value: (pulse) => pulse.screens },
  { name: "frames", label: "Frames", unit: "/s", value: (pulse) => pulse.frames_per_s },
  { name: "topics", label: "Topics watched", unit: "", value: (pulse) => pulse.topics },
  { name: "queue", label: "Queue", unit: "", value: (pulse) => pulse.queue, warnFrom: 500 },
];

/** Those that are drawn large. */
export const CHARTED: readonly string[] = ["events", "lag", "screens", "frames"];

/** Short and steady in width: whole numbers from 10 on, thousands as k. */
export function numberText(value: number): string {
  if (Math.abs(value) >= 100_000) return `${Math.round(value / 1_000).toLocaleString()}k`;
  if (Number.isInteger(value) || Math.abs(value) >= 10) return Math.round(value).toLocaleString();
  return value.toFixed(1);
}
