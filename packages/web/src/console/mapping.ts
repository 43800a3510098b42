/** A mapping as the form changes it: what the server read a file by, and the TOML it goes back as. */

import { isXml, type Preview } from "./preview.ts";

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
  { field: "order_max", name: "Most units an order" },
  { field: "status", name: "Status" },
  { field: "tags", name: "Tags" },
  { field: "image_alt", name: "What the picture shows" },
  { field: "supplier", name: "Supplier, in a list of several" },
  { field: "weight", name: "Weight" },
  { field: "length", name: "Length" },
  { field: "width", name: "Width" },
  { field: "height", name: "Height" },
];

/** Fields that few files have: shown where one is mapped, or on demand. */
export const SELDOM: ReadonlySet<string> = new Set([
  ...["order_max", "tags", "image_alt", "supplier", "weight", "length", "width", "height"],
]);

/** Columns of one field at most, in the form. */
export const JOINED_MAX = 5;

/** Where a field's value comes from. What the form does not show is kept as it came. */
export interface FieldMapping {
  readonly columns?: readonly string[];
  /** What stands between several columns; without it the first that is not blank counts. */
  readonly glue?: string;
  /** Where the value is taken apart. */
  readonly split?: string;
  /** Which part counts, from 0; -1 is the last. */
  readonly only?: number;
  readonly default?: string;
  readonly values?: Readonly<Record<string, string>>;
  readonly [more: string]: unknown;
}

export interface OptionMapping {
  /** Always the same; else it stands in `name_column`. */
  readonly name?: string;
  readonly name_column?: string;
  readonly value_column: string;
  /** Both cells hold several, taken apart at this text. */
  readonly split?: string;
  readonly [more: string]: unknown;
}

export interface Mapping {
  readonly fields: Readonly<Record<string, FieldMapping>>;
  readonly options?: readonly OptionMapping[];
  readonly decimal?: "." | ",";
  readonly gtin?: "strict" | "lenient";
  /** False: what the file does not name is no longer offered. */
  readonly partial?: boolean;
  /** The element of an XML file that is a row. */
  readonly item?: string;
  readonly title?: string;
  readonly [more: string]: unknown;
}

/** What a profile says of itself, and no mapping of one's own takes over. */
const ITS_OWN = ["name", "title", "notes", "detect"];

/** The mapping that a preview suggests: what was read by, else what columns sound like. */
export function mappingOf(preview: Preview, item = "", header = true): Mapping {
  const xml = isXml(preview) ? { format: "xml", item: item || "item" } : {};
  if (preview.profile === "") {
    const fields = Object.entries(preview.proposed).map(([field, column]) => [
      field,
      { columns: [column], ...withSlug(field) },
    ]);
    const named = header ? {} : { columns: preview.columns };
    return { ...xml, ...named, fields: Object.fromEntries(fields) };
  }
  const { fields, ...read } = preview.mapping as Partial<Mapping>;
  const kept = Object.entries(read).filter(([name]) => !ITS_OWN.includes(name));
  return { ...xml, ...Object.fromEntries(kept), fields: fields ?? {} };
}

/** What a file may be taken to tell, by what its mapping says that it brings. */
export const TAKEN: readonly { readonly brings: string; readonly name: string }[] = [
  { brings: "", name: "All that it says" },
  { brings: "offer stock", name: "Costs and units, no articles" },
  { brings: "stock", name: "Units alone" },
  { brings: "offer", name: "Costs alone" },
  { brings: "product", name: "Articles alone" },
];

/** The same of a mapping; blank for all. */
export function takenOf({ brings }: Mapping): string {
  return ((brings as readonly string[] | undefined) ?? []).join(" ");
}

/** The place of the column that counts in this file: the first of a field's that is in it. */
export function shownPlace(said: FieldMapping | undefined, columns: readonly string[]): number {
  return Math.max(0, said?.columns?.findIndex((column) => columns.includes(column)) ?? 0);
}

/** Another column for a field, in its first place or in a further one; blank takes it away. */
export function withColumn(
  mapping: Mapping,
  field: string,
  place: number,
  column: string,
): Mapping {
  const was = mapping.fields[field] ?? withSlug(field);
  const columns = [...(was.columns ?? [])];
  columns.splice(place, 1, ...(column === "" ? [] : [column]));
  const { glue, ...single } = was;
  const joined = columns.length > 1 && glue !== undefined ? { glue } : {};
  return withField(mapping, field, { ...single, ...joined, columns });
}

/** A field that is said anew; one that says nothing more is left out. */
export function withField(mapping: Mapping, field: string, said: FieldMapping): Mapping {
  const { [field]: _, ...others } = mapping.fields;
  const nothing = !said.columns?.length && !said.default && said.instead === undefined;
  return { ...mapping, fields: nothing ? others : { ...mapping.fields, [field]: said } };
}

function withSlug(field: string): FieldMapping {
  return field === "id" ? { change: ["slug"] } : {};
}

/** A mapping as the server reads it. JSON's way to write a text is one of TOML's, too. */
export function tomlOf({ fields, options, title, ...file }: Mapping): string {
  const lines = [`title = ${tomlValue(title || "A mapping of our own")}`];
  const { partial = true, gtin = "strict", ...more } = file;
  for (const [key, value] of Object.entries({ partial, gtin, ...more })) {
    if (value !== undefined && value !== "") lines.push(`${key} = ${tomlValue(value)}`);
  }
  const whole = options?.filter((one) => one.value_column !== "" && named(one));
  if (whole?.length) lines.push(`options = ${tomlValue(whole)}`);
  lines.push("", "[fields]");
  for (const [field, said] of Object.entries(fields)) {
    const needed = field === "sku" ? { required: true } : {};
    lines.push(`${field} = ${tomlValue({ ...said, ...needed })}`);
  }
  return `${lines.join("\n")}\n`;
}

function named(option: OptionMapping): boolean {
  return Boolean(option.name) || option.name_column !== undefined;
}

function tomlValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const said = Object.entries(value).filter(([, one]) => one !== undefined);
  const bare = (key: string): string => (/^\w+$/.test(key) ? key : JSON.stringify(key));
  return `{ ${said.map(([key, one]) => `${bare(key)} = ${tomlValue(one)}`).join(", ")} }`;
}

/** Which fields a column was mapped to, in words, by column. */
export function fieldsByColumn(mapping: Mapping): ReadonlyMap<string, string> {
  const names = new Map(FIELDS.map(({ field, name }) => [field, name]));
  const found = new Map<string, string>();
  const add = (column: string, name: string): void => {
    const before = found.get(column);
    found.set(column, before === undefined ? name : `${before}, ${name}`);
  };
  for (const [field, { columns }] of Object.entries(mapping.fields)) {
    for (const column of columns ?? []) add(column, names.get(field) ?? field);
  }
  for (const { name, value_column } of mapping.options ?? []) {
    if (value_column !== "") add(value_column, name || "Option");
  }
  return found;
}

/** Other words for values as a person writes them: `yes = 10, no = 0`. */
export function wordsText(values: Readonly<Record<string, string>> | undefined): string {
  const said = Object.entries(values ?? {});
  return said.map(([word, means]) => `${word} = ${means}`).join(", ");
}

/** The same read back; what has no sign yet is not said yet. Case does not matter. */
export function wordsOf(text: string): Readonly<Record<string, string>> {
  const said = text.split(",").flatMap((one) => {
    const at = one.indexOf("=");
    if (at <= 0) return [];
    return [[one.slice(0, at).trim().toLowerCase(), one.slice(at + 1).trim()] as const];
  });
  return Object.fromEntries(said);
}

/** Whether more is done with a field than its first column taken as it is. */
export function isShaped(said: FieldMapping | undefined): boolean {
  if (said === undefined) return false;
  const { columns = [], glue, split, values, default: otherwise } = said;
  return columns.length > 1 || [glue, split, values, otherwise].some((one) => one !== undefined);
}
