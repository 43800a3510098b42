/**
 * Somebody else changed the same thing: what it was, what they made of it, what was meant here; and
 * the ways on, each of which sends the right command.
 */

import { CODES } from "./codes.ts";
import { type CommandResult, ShopwireError } from "./commands.ts";
import type { Json } from "./protocol.ts";

/** One field that both changed. */
export interface ConflictField {
  /** Its name; parts of a path are separated by `/`. */
  readonly field: string;
  readonly base: unknown;
  readonly theirs: unknown;
  readonly mine: unknown;
}

type Values = Readonly<Record<string, unknown>>;
type Send = <R>(body: Json) => Promise<CommandResult<R>>;

/** A command that says what a field shall be instead, over the version of now. */
type Restate = (body: Json, decided: Values, conflict: VersionConflict) => Json;

/** Commands whose fields are not named as the body's are. */
const RESTATE: Readonly<Record<string, Restate>> = {
  "catalog.edit_product": (body, decided, { theirs, current }) => {
    const asked = (body.changes ?? {}) as Record<string, { was: unknown; now: unknown }>;
    const changes = Object.fromEntries(
      Object.entries(asked).map(([name, { was, now }]) =>
        Object.hasOwn(decided, name)
          ? [name, { was: theirs[name], now: decided[name] }]
          : [name, { was, now }],
      ),
    );
    return { ...body, changes, expected_version: current };
  },
};

/** The last part of a field's path is the body's field. */
const restate: Restate = (body, decided, { current }) => {
  const named = Object.entries(decided).map(([field, value]) => [field.split("/").at(-1), value]);
  return { ...body, ...Object.fromEntries(named), expected_version: current };
};

/** The refusal 2000; decide with one of its methods, or show it and leave it. */
export class VersionConflict extends ShopwireError {
  override name = "VersionConflict";
  readonly topic: string;
  /** The version that the command was made from, and the one that there is. */
  readonly expected: number | null;
  readonly current: number;
  readonly fields: readonly ConflictField[];
  readonly base: Values;
  readonly theirs: Values;
  readonly mine: Values;
  readonly #operation: string;
  readonly #body: Json;
  readonly #send: Send;

  constructor(refusal: ShopwireError, operation: string, body: Json, send: Send) {
    const { code, errorName, message, temporary, remedy, data, status } = refusal;
    super({ code, name: errorName, message, temporary, remedy, data }, status);
    this.topic = String(data.topic ?? "");
    this.expected = typeof data.expected === "number" ? data.expected : null;
    this.current = Number(data.current ?? 0);
    this.fields = fieldsOf(data.conflicts);
    const of = (side: "base" | "theirs" | "mine") =>
      Object.fromEntries(this.fields.map((one) => [one.field, one[side]]));
    this.base = of("base");
    this.theirs = of("theirs");
    this.mine = of("mine");
    this.#operation = operation;
    this.#body = body;
    this.#send = send;
  }

  /** What was meant here counts, over theirs. */
  keepMine<R = unknown>(): Promise<CommandResult<R>> {
    return this.merge<R>(this.mine);
  }

  /** Theirs counts. What else the command wanted is sent; nothing where that was all. */
  takeTheirs<R = unknown>(): Promise<CommandResult<R> | null> {
    const asked = this.#body.changes;
    if (this.#operation !== "catalog.edit_product" || typeof asked !== "object") {
      return Promise.resolve(null);
    }
    const others = Object.entries(asked as Json).filter(
      ([name]) => !Object.hasOwn(this.theirs, name),
    );
    if (others.length === 0) return Promise.resolve(null);
    const changes = Object.fromEntries(others);
    return this.#send<R>({ ...this.#body, changes, expected_version: this.current });
  }

  /** These values count; fields that are not named are as was meant here. */
  merge<R = unknown>(values: Values): Promise<CommandResult<R>> {
    const decided = { ...this.mine, ...values };
    const say = RESTATE[this.#operation] ?? restate;
    return this.#send<R>(say(this.#body, decided, this));
  }
}

/** The same problem, as a conflict where it is one. */
export function conflictOf(problem: unknown, operation: string, body: Json, send: Send): unknown {
  const isOne = problem instanceof ShopwireError && problem.code === CODES.VersionConflict;
  return isOne ? new VersionConflict(problem, operation, body, send) : problem;
}

function fieldsOf(conflicts: unknown): ConflictField[] {
  if (!Array.isArray(conflicts)) return [];
  return conflicts
    .filter((one) => typeof one?.field === "string")
    .map(({ field, base = null, theirs = null, mine = null }) => ({ field, base, theirs, mine }));
}
