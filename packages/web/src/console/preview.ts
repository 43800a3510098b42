/** A file that somebody tries out: how it was read, what its rows become, and a mapping for it. */

import { ApiError, type ErrorBody, withParams } from "../shared/api.ts";
import { authorized } from "../shared/session.ts";
import { type Mapping, tomlOf } from "./mapping.ts";

export interface Finding {
  readonly what: string;
  readonly value: string;
  readonly why: string;
}

export interface PreviewBad {
  readonly line: number;
  readonly column: string;
  readonly code: string;
  readonly reason: string;
  readonly remedy: string;
}

export interface PreviewRow {
  readonly line: number;
  readonly outcome: "used" | "quarantined" | "unmapped";
  readonly sku: string;
  readonly becomes: Readonly<Record<string, unknown>>;
  readonly bad: PreviewBad | null;
  readonly cells: Readonly<Record<string, string>>;
}

export interface Preview {
  /** Blank where no profile fits. */
  readonly profile: string;
  readonly partial: boolean;
  readonly used: number;
  readonly quarantined: number;
  readonly complete: boolean;
  readonly notes: readonly string[];
  readonly rows: readonly PreviewRow[];
  readonly error: string | null;
  readonly columns: readonly string[];
  readonly fields: Readonly<Record<string, readonly string[]>>;
  /** What was read by, as far as it says more than the defaults. */
  readonly mapping: Readonly<Record<string, unknown>>;
  readonly proposed: Readonly<Record<string, string>>;
  readonly findings: readonly Finding[];
}

export interface ProfileEntry {
  readonly name: string;
  readonly title: string;
  readonly shipped: boolean;
}

export function isXml(preview: Preview): boolean {
  return preview.findings.some(({ what, value }) => what === "format" && value === "xml");
}

/** How a file is to be read: by a profile, by a mapping, or as the file tells. */
export interface Reading {
  readonly profile: string;
  readonly mapping: Mapping | null;
  /** The element of an XML file that is a row, before there is a mapping. */
  readonly item: string;
  readonly encoding: string;
  readonly currency: string;
  /** Whether the first line of a table names its columns. */
  readonly header: boolean;
}

export function previewPath(reading: Reading): string {
  const { profile, mapping, item, encoding, currency, header } = reading;
  return withParams("/api/feeds/preview", {
    ...{ currency, encoding, sketch: "true" },
    profile: mapping === null ? profile : null,
    mapping: mapping === null ? null : tomlOf(mapping),
    item: mapping === null ? item : null,
    header: mapping === null && !header ? "false" : null,
  });
}

/** Sends a file; throws ApiError, or the signal's AbortError. */
export async function postFile<T>(
  path: string,
  file: Blob,
  headers: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<T> {
  const answer = await fetch(path, {
    method: "POST",
    headers: { accept: "application/json", ...authorized(), ...headers },
    body: file,
    ...(signal ? { signal } : {}),
  }).catch((problem: unknown) => {
    if (signal?.aborted) throw problem;
    throw new ApiError(0, LOST);
  });
  const said: unknown = await answer.json().catch(() => LOST);
  if (answer.ok) return said as T;
  throw new ApiError(answer.status, said as ErrorBody);
}

const LOST: ErrorBody = {
  code: 0,
  name: "Unreachable",
  message: "The shop cannot be reached.",
  temporary: true,
  remedy: "Check your connection, then try again.",
  data: {},
};

/** A larger file is tried by its beginning: a hundred rows are in it. */
export const TRIED_BYTES_MAX = 8 * 1024 * 1024;
const WHOLE = /\.(xlsx|zip|gz|bz2|xz)$/i;

/** As much of a file as a preview reads; what is packed makes sense only whole. */
export function startOf(file: File): Blob {
  return file.size <= TRIED_BYTES_MAX || WHOLE.test(file.name)
    ? file
    : file.slice(0, TRIED_BYTES_MAX);
}
