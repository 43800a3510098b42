/** What is asked for at the checkout, and what is wrong with what was typed; no I/O. */

import { CODES, ShopwireError } from "@shopwire/client";

export interface Details {
  readonly email: string;
  readonly name: string;
  readonly street: string;
  readonly more: string;
  readonly postal_code: string;
  readonly city: string;
  readonly country: string;
  readonly method: string;
}

export type Field = keyof Details;

export const BLANK: Details = {
  ...{ email: "", name: "", street: "", more: "", postal_code: "", city: "" },
  ...{ country: "DE", method: "card" },
};

export interface Method {
  /** The provider's token for it. */
  readonly id: string;
  readonly name: string;
  readonly note: string;
}

/** Ways to pay at the provider that only plays one: each shows another course of things. */
export const METHODS: readonly Method[] = [
  { id: "card", name: "Test card that is good", note: "Accepted at once." },
  { id: "card_slow", name: "Test card that takes its time", note: "Accepted after a moment." },
  { id: "card_pending", name: "Test card that asks back", note: "Accepted a little later." },
  { id: "card_declined", name: "Test card without money", note: "The bank says no." },
];

/** Where parcels are sent to. */
// biome-ignore format: a list of short words
export const COUNTRIES = [
  "AT", "BE", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "IE", "IT", "LU", "NL", "NO", "PL", "PT", "SE", "US",
] as const;

export interface FieldSpec {
  readonly field: Exclude<Field, "country" | "method">;
  readonly label: string;
  readonly autoComplete: string;
  readonly type?: "email" | "text";
  readonly optional?: boolean;
  readonly charsMax: number;
  /** Shares its line with the next. */
  readonly short?: boolean;
}

export const CONTACT: readonly FieldSpec[] = [
  { field: "email", label: "E-mail", autoComplete: "email", type: "email", charsMax: 254 },
];

export const ADDRESS: readonly FieldSpec[] = [
  { field: "name", label: "Name", autoComplete: "name", charsMax: 120 },
  {
    ...{ field: "street", label: "Street and number", autoComplete: "address-line1" },
    charsMax: 120,
  },
  {
    ...{ field: "more", label: "Floor, company", autoComplete: "address-line2" },
    ...{ charsMax: 120, optional: true },
  },
  {
    ...{ field: "postal_code", label: "Postal code", autoComplete: "postal-code" },
    ...{ charsMax: 16, short: true },
  },
  { field: "city", label: "City", autoComplete: "address-level2", charsMax: 80, short: true },
];

export type Faults = Readonly<Partial<Record<Field, string>>>;

const MISSING: Readonly<Partial<Record<Field, string>>> = {
  email: "Please say where the confirmation goes.",
  name: "Please say who receives it.",
  street: "Please say which street and house it goes to.",
  postal_code: "Please add the postal code.",
  city: "Please add the city.",
};

/** What is wrong with what was typed, by field; nothing where it can be sent. */
export function faultsOf(details: Details): Faults {
  const faults: Partial<Record<Field, string>> = {};
  for (const [field, text] of Object.entries(MISSING) as [Field, string][]) {
    if (details[field].trim() === "") faults[field] = text;
  }
  if (faults.email === undefined && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(details.email.trim())) {
    faults.email = "This does not look like an e-mail address: it needs an @ and a name behind it.";
  }
  return faults;
}

/** The server's names of fields. */
const SERVER_FIELDS: readonly (readonly [RegExp, Field])[] = [
  [/email/, "email"],
  [/address\.name/, "name"],
  [/address\.lines/, "street"],
  [/postal_code/, "postal_code"],
  [/city/, "city"],
  [/country/, "country"],
  [/method/, "method"],
];

/** A refusal that is about one field, at that field. */
export function faultsIn(error: Error): Faults {
  if (!(error instanceof ShopwireError)) return {};
  if (error.code !== CODES.InvalidField && error.code !== CODES.MalformedRequest) return {};
  const named = String(error.data.field ?? "");
  const found = SERVER_FIELDS.find(([name]) => name.test(named));
  if (found === undefined) return {};
  const reason = String(error.data.reason ?? error.message);
  return { [found[1]]: `The shop could not take this: ${reason.replace(/\.?$/, ".")}` };
}

/** Where the goods go, as the shop takes it. */
export function addressOf(details: Details): object {
  const lines = [details.street, details.more].map((line) => line.trim()).filter(Boolean);
  return {
    ...{ name: details.name.trim(), lines, postal_code: details.postal_code.trim() },
    ...{ city: details.city.trim(), country: details.country },
  };
}
