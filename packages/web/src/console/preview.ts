/** A file that somebody tries out: how it was read, what its rows become, and a mapping for it. */

import { ApiError, type ErrorBody, withParams } from "../shared/api.ts";
import { authorized } from "../shared/session.ts";

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
  readonly proposed: Readonly<Record<string, string>>;
  readonly findings: readonly Finding[];
}

export interface ProfileEntry {
  readonly name: string;
  readonly title: string;
  readonly shipped: boolean;
}

/** Fields that a person maps without a word of code, the needed one first. */
export const FIELDS: readonly { readonly field: string; readonly name: string }[] = [
  { field: "sku", name: "SKU" },
  { field: "title", name: "Title" },
  { field: "quantity", name: "Units in stock" },
  { field: "cost", name: "Cost" },
  { field: "gtin", name: "GTIN, EAN or UPC" },
  { field: "brand", name: "Maker" },
  { field: "mpn", name: "Maker's number" },
  { field: "category", name: "Category" },
  { field: "description", name: "Description" },
  { field: "images", name: "Picture" },
  { field: "id", name: "Product that variants share" },
  { field: "variant", name: "Variant's name" },
  { field: "price", name: "Price, where there is no cost" },
  { field: "msrp", name: "Suggested price" },
  { field: "map", name: "Least price allowed" },
  { field: "currency", name: "Currency" },
  { field: "lead_time_days", name: "Days until it leaves" },
  { field: "order_min", name: "Least units an order" },
  { field: "status", name: "Status" },
];

export interface Mapping {
  /** By field: the column that it is taken from; blank for none. */
  readonly fields: Readonly<Record<string, string>>;
  readonly decimal: "" | "." | ",";
  readonly gtin: "strict" | "lenient";
  /** Whether what the file does not name is no longer offered. */
  readonly full: boolean;
  /** The element of an XML file that is a row; blank for other files. */
  readonly item: string;
  readonly title: string;
}

export const NO_MAPPING: Mapping = {
  ...{ fields: {}, decimal: "", gtin: "strict", full: false, item: "", title: "" },
};

/** The mapping that a preview suggests: what was read by, else what columns sound like. */
export function mappingOf(preview: Preview, item = ""): Mapping {
  const read = Object.entries(preview.fields).flatMap(([field, columns]) => {
    const column = columns.find((one) => preview.columns.includes(one));
    return column === undefined ? [] : [[field, column] as const];
  });
  const known = Object.fromEntries(read);
  return {
    ...NO_MAPPING,
    full: !preview.partial,
    item: isXml(preview) ? item || "item" : "",
    fields: preview.profile === "" ? preview.proposed : known,
  };
}

export function isXml(preview: Preview): boolean {
  return preview.findings.some(({ what, value }) => what === "format" && value === "xml");
}

/** A mapping as the server reads it. JSON's way to write a text is one of TOML's, too. */
export function tomlOf(mapping: Mapping): string {
  const quoted = (text: string): string => JSON.stringify(text);
  const slugs: Readonly<Record<string, string>> = { id: ', change = ["slug"]' };
  const lines = [
    `title = ${quoted(mapping.title || "A mapping of our own")}`,
    `partial = ${!mapping.full}`,
    `gtin = ${quoted(mapping.gtin)}`,
  ];
  if (mapping.decimal !== "") lines.push(`decimal = ${quoted(mapping.decimal)}`);
  if (mapping.item !== "") lines.push('format = "xml"', `item = ${quoted(mapping.item)}`);
  lines.push("", "[fields]");
  for (const { field } of FIELDS) {
    const column = mapping.fields[field] ?? "";
    if (column === "") continue;
    const more = field === "sku" ? ", required = true" : (slugs[field] ?? "");
    lines.push(`${field} = { columns = [${quoted(column)}]${more} }`);
  }
  return `${lines.join("\n")}\n`;
}

/** How a file is to be read: by a profile, by a mapping, or as the file tells. */
export interface Reading {
  readonly profile: string;
  readonly mapping: Mapping | null;
  /** The element of an XML file that is a row, before there is a mapping. */
  readonly item: string;
  readonly encoding: string;
  readonly currency: string;
}

export function previewPath({ profile, mapping, item, encoding, currency }: Reading): string {
  return withParams("/api/feeds/preview", {
    ...{ currency, encoding, sketch: "true" },
    profile: mapping === null ? profile : null,
    mapping: mapping === null ? null : tomlOf(mapping),
    item: mapping === null ? item : null,
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

/** Which field a column was mapped to, by column. */
export function fieldsByColumn(mapping: Mapping): ReadonlyMap<string, string> {
  const names = new Map(FIELDS.map(({ field, name }) => [field, name]));
  return new Map(
    Object.entries(mapping.fields)
      .filter(([, column]) => column !== "")
      .map(([field, column]) => [column, names.get(field) ?? field]),
  );
}
