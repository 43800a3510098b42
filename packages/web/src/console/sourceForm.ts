/** What a person types of a source, as the command wants it, and where what it refuses belongs. */

import { type CommandBodies, ShopwireError, type SourceDocument } from "@shopwire/client";
import { ApiError } from "../shared/api.ts";
import type { Preview } from "./preview.ts";

export type SourceKind = SourceDocument["place"]["kind"];

export const SOURCE_KINDS: readonly { kind: SourceKind; label: string; note: string }[] = [
  { kind: "http", label: "Web address", note: "We fetch the file over HTTPS." },
  { kind: "sftp", label: "SFTP server", note: "We fetch the newest file of a folder there." },
  { kind: "folder", label: "Watched folder", note: "Somebody puts files where the shop runs." },
  { kind: "push", label: "Pushed by the supplier", note: "It sends its file, signed, to us." },
];

/** The fields of the form, all as they are typed. */
export interface SourceDraft {
  readonly supplier: string;
  readonly name: string;
  readonly kind: SourceKind;
  readonly address: string;
  readonly pattern: string;
  readonly secret: string;
  readonly secretText: string;
  readonly header: string;
  readonly hostKey: string;
  readonly when: "asked" | "every" | "daily";
  readonly everyMinutes: string;
  readonly dailyAt: string;
  readonly timeZone: string;
  readonly profile: string;
  readonly encoding: string;
  readonly currency: string;
  readonly feed: "" | "full" | "partial";
  readonly asOf: SourceDocument["as_of"];
}

export type DraftField = keyof SourceDraft;
/** A whole source: nothing is left to what the command would take without a word. */
export type Body = Required<CommandBodies["sources.put_source"]>;

/** What a look at a source found. */
export interface Looked {
  readonly bytes: number;
  readonly file: string;
  readonly more: boolean;
  readonly preview: Preview | null;
}

export function newDraft(timeZone: string): SourceDraft {
  return {
    ...{ supplier: "", name: "main", kind: "http", address: "", pattern: "*" },
    ...{ secret: "", secretText: "", header: "Authorization", hostKey: "" },
    ...{ when: "every", everyMinutes: "60", dailyAt: "06:30", timeZone },
    ...{ profile: "", encoding: "", currency: "EUR", feed: "", asOf: "none" },
  };
}

/** A source as it is, to be changed. Its secret is named, and never shown. */
export function draftOf(source: SourceDocument, timeZone: string): SourceDraft {
  const { place, schedule } = source;
  const fresh = newDraft(timeZone);
  return {
    ...fresh,
    ...{ supplier: source.supplier, name: source.name, kind: place.kind },
    ...{ address: place.address, pattern: place.pattern, secret: place.secret },
    ...{ header: place.header || fresh.header, hostKey: place.host_key },
    when: schedule === null ? "asked" : schedule.daily_at === null ? "every" : "daily",
    everyMinutes: String(schedule?.every_minutes ?? fresh.everyMinutes),
    dailyAt: schedule?.daily_at ?? fresh.dailyAt,
    timeZone: schedule?.time_zone ?? timeZone,
    profile: source.profile ?? "",
    encoding: source.encoding ?? "",
    ...{ currency: source.currency, feed: source.feed ?? "", asOf: source.as_of },
  };
}

/** A name as ids are written; the server has the last word. */
export function slugOf(name: string): string {
  const plain = name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return plain.match(/[\p{L}\p{N}]+/gu)?.join("-") ?? "";
}

/** The name of the secret: as it is written, else after the source that it belongs to. */
export function secretName(draft: SourceDraft): string {
  if (!takesSecret(draft.kind)) return "";
  if (draft.secret.trim() !== "") return draft.secret.trim();
  if (draft.secretText.trim() === "") return "";
  return `${draft.supplier}-${draft.name.trim()}`.replace(/[^A-Za-z0-9._-]/g, "-").slice(0, 64);
}

export function takesSecret(kind: SourceKind): boolean {
  return kind === "http" || kind === "sftp";
}

/** The command's body: only what belongs to the kind of place. */
export function bodyOf(draft: SourceDraft): Body {
  const { kind } = draft;
  const isPull = kind !== "push";
  const isFolder = kind === "sftp" || kind === "folder";
  return {
    supplier: draft.supplier,
    name: draft.name.trim(),
    place: {
      kind,
      address: isPull ? draft.address.trim() : "",
      pattern: isFolder ? draft.pattern.trim() || "*" : "*",
      secret: secretName(draft),
      header: kind === "http" ? draft.header.trim() || "Authorization" : "Authorization",
      host_key: kind === "sftp" ? draft.hostKey.trim() : "",
    },
    schedule: isPull ? scheduleOf(draft) : null,
    profile: draft.profile || null,
    encoding: draft.encoding.trim() || null,
    currency: draft.currency.trim().toUpperCase(),
    feed: draft.feed || null,
    as_of: draft.asOf,
  };
}

function scheduleOf({ when, everyMinutes, dailyAt, timeZone }: SourceDraft): Body["schedule"] {
  if (when === "asked") return null;
  if (when === "daily") return { daily_at: dailyAt, time_zone: timeZone.trim() };
  return { every_minutes: Number(everyMinutes) };
}

export interface Fault {
  /** The field that it is about; null where it is about none. */
  readonly field: DraftField | null;
  readonly text: string;
}

/** What can be told before anything is asked; null where nothing stands against it. */
export function faultOfDraft(draft: SourceDraft): Fault | null {
  if (draft.supplier === "") return { field: "supplier", text: "Whose feed is it?" };
  if (draft.kind !== "push" && draft.when === "every" && !/^\d{1,6}$/.test(draft.everyMinutes)) {
    return { field: "everyMinutes", text: "A whole number of minutes, such as 30." };
  }
  return null;
}

/** Where the server's fields stand in the form. */
const FIELDS: Readonly<Record<string, DraftField>> = {
  supplier: "supplier",
  name: "name",
  profile: "profile",
  encoding: "encoding",
  currency: "currency",
  secret: "secretText",
  "place.address": "address",
  "place.pattern": "pattern",
  "place.secret": "secret",
  "place.header": "header",
  "place.host_key": "hostKey",
  schedule: "when",
  "schedule.every_minutes": "everyMinutes",
  "schedule.daily_at": "dailyAt",
  "schedule.time_zone": "timeZone",
};
/** Errors that speak of a field without naming it. */
const SPEAKS_OF: Readonly<Record<string, DraftField>> = {
  AddressRefused: "address",
  HostKeyChanged: "hostKey",
  ProfileUnknown: "profile",
  SecretMissing: "secretText",
  SourceRefused: "address",
  SourceTooLarge: "address",
  SourceTooSlow: "address",
  SourceUnreachable: "address",
  UnsafeFile: "address",
};

/** A refusal, told at the field that it is about. */
export function faultOf(problem: Error): Fault {
  const [name, data, remedy] =
    problem instanceof ApiError
      ? [problem.body.name, problem.body.data, problem.body.remedy]
      : problem instanceof ShopwireError
        ? [problem.errorName, problem.data, problem.remedy]
        : ["", {}, ""];
  const { field: told, status } = data as Readonly<Record<string, unknown>>;
  const named = FIELDS[String(told ?? "")];
  const locked = status === 401 || status === 403; // It is there, and does not let us in.
  const field = named ?? (locked ? "secretText" : (SPEAKS_OF[name] ?? null));
  return { field, text: named ? problem.message : `${problem.message} ${remedy}`.trim() };
}
