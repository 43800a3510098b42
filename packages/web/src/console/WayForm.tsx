/** How a supplier is reached from now on: the fields follow from the kind of way. */

import type { Way } from "@shopwire/client";
import { useCommand } from "@shopwire/client/react";
import { type FormEvent, useId, useState } from "react";
import type { Supplier } from "../shared/documents.ts";
import { useOffline } from "../shared/useOffline.ts";
import { WAYS } from "./channels.ts";

type Kind = Way["type"];
type Field = readonly [name: string, label: string, hint?: string];

const SECRET: Field = ["secret", "Secret", "Name of a file in the shop's folder of secrets"];
const FIELDS: Readonly<Record<Kind, readonly Field[]>> = {
  fetch: [],
  simulator: [],
  webhook: [["url", "Address", "https://…"]],
  api: [["url", "Address", "https://…"], SECRET],
  x12: [
    ["place", "Place", "folder:NAME, or sftp://user@host/path"],
    ["sender", "Our name", "As the interchange says it"],
    ["receiver", "Its name"],
    ["host_key", "Key of the server", "Only for SFTP: ssh-ed25519 AAAA…"],
    SECRET,
  ],
  email: [
    ["to", "To", "One address, or several with commas"],
    ["sender", "From"],
    ["host", "Mail server"],
    ["user", "Login at the mail server"],
    SECRET,
  ],
};
const OPTIONAL = new Set(["secret", "host_key", "user"]);
const KINDS: readonly Kind[] = ["fetch", "email", "x12", "webhook", "api"];

interface WayFormProps {
  suppliers: readonly Supplier[];
  onDone: () => void;
}

export function WayForm({ suppliers, onDone }: WayFormProps) {
  const put = useCommand("channels.put_channel");
  const blocked = useOffline() || put.pending;
  const [supplier, setSupplier] = useState(suppliers[0]?.id ?? "");
  const [kind, setKind] = useState<Kind>("email");
  const [values, setValues] = useState<Readonly<Record<string, string>>>({});
  const id = useId();
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (blocked) return;
    if ((await put.send({ supplier, way: wayOf(kind, values) })) !== null) onDone();
  };
  return (
    <form className="way-form" onSubmit={(event) => void submit(event)} aria-label="Change a way">
      <div className="field">
        <label htmlFor={`${id} supplier`}>Supplier</label>
        <select
          id={`${id} supplier`}
          value={supplier}
          onChange={(event) => setSupplier(event.target.value)}
        >
          {suppliers.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id} kind`}>Way</label>
        <select
          id={`${id} kind`}
          value={kind}
          onChange={(event) => setKind(event.target.value as Kind)}
        >
          {KINDS.map((one) => (
            <option key={one} value={one}>
              {WAYS[one]}
            </option>
          ))}
        </select>
      </div>
      {FIELDS[kind].map(([name, label, hint]) => (
        <div className="field" key={name}>
          <label htmlFor={`${id} ${name}`}>{label}</label>
          <input
            id={`${id} ${name}`}
            value={values[name] ?? ""}
            required={!OPTIONAL.has(name)}
            placeholder={hint}
            autoComplete="off"
            spellCheck={false}
            onChange={(event) => setValues({ ...values, [name]: event.target.value })}
          />
        </div>
      ))}
      <p className="way-choices">
        <button type="submit" className="button button-main" aria-disabled={blocked}>
          {put.pending ? "One moment…" : "Reach it this way"}
        </button>
      </p>
      <div role="alert" className="conflict-refused">
        {put.error?.message}
      </div>
    </form>
  );
}

type WayBody = Parameters<ReturnType<typeof useCommand<"channels.put_channel">>["send"]>[0]["way"];

/** The way as the shop takes it: only what was written, addresses of a mail as a list. */
export function wayOf(kind: Kind, values: Readonly<Record<string, string>>): WayBody {
  const written = FIELDS[kind]
    .map(([name]) => [name, (values[name] ?? "").trim()] as const)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => [
      name,
      name === "to" ? value.split(",").map((one) => one.trim()) : value,
    ]);
  return { type: kind, ...Object.fromEntries(written) } as WayBody;
}
