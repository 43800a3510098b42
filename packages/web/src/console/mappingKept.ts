/** What a mapping says beyond the form, in words: it stays as it is, and is said to. */

import { FIELDS, type FieldMapping, type Mapping } from "./mapping.ts";

const CHANGES: Readonly<Record<string, string>> = {
  trim: "blanks around it go",
  lower: "in small letters",
  upper: "in capitals",
  slug: "as a short name",
  text: "without its marks of HTML",
  digits: "its digits alone",
  strip_currency: "without the sign of its currency",
};
function words(list: unknown): string {
  return Array.isArray(list) ? list.map(String).join(", ") : String(list);
}

/** Sentences of the file as a whole, by what the mapping says. */
const OF_FILE: Readonly<Record<string, (said: unknown, mapping: Mapping) => string>> = {
  columns: (said) => `The file has no header: its columns are ${words(said)}.`,
  rows_in: (said) => `Its rows lie in ${said}.`,
  delimiter: (said) => `Cells are told apart by ${said === "\t" ? "tabs" : `“${said}”`}.`,
  encoding: (said) => `Its letters are read as ${said}.`,
  loose_quotes: () => "Something may stand behind a closing quote.",
  heads: (said) => {
    const { column } = (said as { when: { column: string } }).when;
    return `By ${column}, some rows describe a product and are nothing to be bought themselves.`;
  },
  strict: () => "A column that it does not know keeps the whole file back.",
  known_columns: (said) =>
    words(said) === "*"
      ? "Further columns may be there."
      : `${(said as unknown[]).length} names of further columns may be there.`,
  lookups: (said) => {
    const files = Object.values(said as Record<string, { file: string }>).map(({ file }) => file);
    return `Values are looked up in ${files.join(", ")}, which has to be in one zip with the feed.`;
  },
};

function ofField(name: string, said: FieldMapping, known: boolean): string[] {
  const { lookup, match, replace, prefix, change, blank, instead, join } = said;
  const { required } = said;
  const changes = (change as string[] | undefined)?.map((one) => CHANGES[one] ?? one) ?? [];
  const other = instead as FieldMapping | undefined;
  const found = [
    !known && `${name} is taken from ${words(said.columns ?? said.default)}.`,
    lookup !== undefined && `${name} is looked up (${lookup}).`,
    match !== undefined && `Of ${name} only what fits ${match} counts.`,
    replace !== undefined &&
      `In ${name}, ${Object.keys(replace as object).join(", ")} is replaced.`,
    prefix !== undefined && `Of ${name} only parts that begin with “${prefix}” count.`,
    join !== undefined && `Parts of ${name} are joined by “${join}”.`,
    changes.length > 0 && `${name} is taken ${changes.join(", ")}.`,
    blank !== undefined && `In ${name}, ${words(blank)} mean that there is nothing.`,
    other !== undefined &&
      `Where ${name} is blank, ${words(other.columns ?? other.default)} counts.`,
    required === true && `${name} must not be blank.`,
  ];
  return found.filter((one) => one !== false);
}

/** All that stays unseen by the form, a sentence each. */
export function keptWords(mapping: Mapping): readonly string[] {
  const names = new Map(FIELDS.map(({ field, name }) => [field, name]));
  const fields = Object.entries(mapping.fields).flatMap(([field, said]) => {
    const { change, required, ...rest } = said;
    const own = field === "id" && words(change) === "slug" ? {} : { change };
    const needed = field === "sku" ? {} : { required };
    const shown = Object.entries({ ...rest, ...own, ...needed });
    const some = Object.fromEntries(shown.filter(([, one]) => one !== undefined));
    return ofField(names.get(field) ?? field, some, names.has(field));
  });
  const file = Object.entries(OF_FILE).flatMap(([key, text]) =>
    mapping[key] === undefined ? [] : [text(mapping[key], mapping)],
  );
  return [...file, ...fields];
}
