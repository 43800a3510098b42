/** The groups of fields of a source. */

import { type ReactNode, useState } from "react";
import { ApiError, getJson } from "../shared/api.ts";
import { useRemote } from "../shared/remote.ts";
import type { ProfileEntry } from "./preview.ts";
import { postFile } from "./preview.ts";
import type { Form } from "./SourceForm.tsx";
import {
  type DraftField,
  SOURCE_KINDS,
  type SourceDraft,
  secretName,
  slugOf,
  takesSecret,
} from "./sourceForm.ts";
import { useSuppliers } from "./useSuppliers.ts";

const ADDRESSES: Readonly<Record<string, { label: string; hint: string; note: string }>> = {
  http: {
    label: "Address",
    hint: "https://supplier.example/stock.csv",
    note: "{secret} in it stands for the secret.",
  },
  sftp: {
    label: "Address",
    hint: "sftp://user@supplier.example/out",
    note: "The folder in which the files lie.",
  },
  folder: {
    label: "Folder",
    hint: "acme",
    note: "In the shop's inbox; others have to be allowed when the shop is started.",
  },
};

export function WhoseFields({ isNew, ...form }: Form & { isNew: boolean }) {
  const { draft, set } = form;
  const suppliers = useSuppliers().data ?? [];
  const [typed, setTyped] = useState(
    () => suppliers.find(({ id }) => id === draft.supplier)?.name ?? draft.supplier,
  );
  if (!isNew) return null;
  return (
    <Group name="Whose it is">
      <Text
        {...form}
        field="supplier"
        label="Supplier"
        hint="Nordic Supply"
        value={typed}
        list={suppliers.map(({ name }) => name)}
        note={draft.supplier === "" ? "" : `Its id: ${draft.supplier}`}
        change={(text) => {
          setTyped(text);
          const known = suppliers.find(({ id, name }) => name === text || id === text);
          set({ supplier: known?.id ?? slugOf(text) });
        }}
      />
      <Text
        {...form}
        field="name"
        label="Name of this source"
        note="A supplier may have several: stock, prices."
      />
    </Group>
  );
}

export function PlaceFields(form: Form) {
  const { draft, set } = form;
  const { kind } = draft;
  const address = ADDRESSES[kind];
  return (
    <Group name="Where the feed comes from">
      <fieldset className="source-kinds">
        <legend className="visually-hidden">Kind of place</legend>
        {SOURCE_KINDS.map((one) => (
          <label key={one.kind} className="rule-choice">
            <input
              type="radio"
              name="kind"
              checked={kind === one.kind}
              onChange={() => set({ kind: one.kind })}
            />
            <span>
              {one.label}
              <span className="data-sub">{one.note}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {address && <Text {...form} field="address" {...address} />}
      {(kind === "sftp" || kind === "folder") && (
        <Text {...form} field="pattern" label="Which files" note="Such as stock-*.csv" />
      )}
      {kind === "sftp" && (
        <Text
          {...form}
          field="hostKey"
          label="The server's key"
          hint="ssh-ed25519 AAAA… or SHA256:…"
          note="Ask the supplier for it. A server that shows another one is not spoken to."
        />
      )}
      {takesSecret(kind) && <SecretFields {...form} />}
      {kind === "push" && <Push supplier={draft.supplier} />}
    </Group>
  );
}

/** A secret goes in and never comes out again: the page knows its name. */
function SecretFields(form: Form) {
  const { draft } = form;
  const names = useRemote("/api/secrets", (path, signal) =>
    getJson<{ items: readonly string[] }>(path, signal).then(({ items }) => items),
  ).data;
  const name = secretName(draft);
  const isKept = names?.includes(name) ?? false;
  return (
    <>
      {draft.kind === "http" && (
        <Text
          {...form}
          field="header"
          label="Header that the secret goes in"
          note="Unless the address has a place for it."
        />
      )}
      <Text
        {...form}
        field="secret"
        label="Name of the secret"
        hint={name || "none"}
        list={names ?? []}
        note={draft.kind === "http" ? "Blank, where the address is open to all." : ""}
      />
      <Wrapped
        {...form}
        field="secretText"
        label={draft.kind === "sftp" ? "Password or private key" : "The secret"}
        note={isKept ? "One is kept. Type to replace it; it is never shown." : "Never shown again."}
      >
        {(about) =>
          draft.kind === "sftp" ? (
            <textarea
              {...about}
              rows={2}
              value={draft.secretText}
              autoComplete="off"
              spellCheck={false}
              onChange={(event) => form.set({ secretText: event.target.value })}
            />
          ) : (
            <input
              {...about}
              type="password"
              value={draft.secretText}
              autoComplete="new-password"
              placeholder={isKept ? "kept" : "Bearer …"}
              onChange={(event) => form.set({ secretText: event.target.value })}
            />
          )
        }
      </Wrapped>
    </>
  );
}

/** What a supplier has to know to push: where to, and what it signs with. */
function Push({ supplier }: { supplier: string }) {
  const [shown, setShown] = useState("");
  const [refused, setRefused] = useState("");
  if (supplier === "") return <p className="soft">Say whose it is first.</p>;
  const id = encodeURIComponent(supplier);
  const show = (): void => {
    setRefused("");
    postFile<{ secret: string }>(`/api/sources/${id}/signing-secret`, new Blob([])).then(
      ({ secret }) => setShown(secret),
      (problem: unknown) => {
        if (!(problem instanceof ApiError)) throw problem;
        setRefused(problem.message);
      },
    );
  };
  return (
    <div className="source-push">
      <p>
        It sends the file as a signed webhook to{" "}
        <code>{`${window.location.origin}/api/webhooks/feeds/${id}`}</code>
      </p>
      {shown === "" ? (
        <button type="button" className="button button-small" onClick={show}>
          Show what it signs with
        </button>
      ) : (
        <p>
          For this supplier alone: <code data-testid="signing-secret">{shown}</code>
        </p>
      )}
      <p role="alert" className="refused">
        {refused}
      </p>
    </div>
  );
}

export function WhenFields(form: Form) {
  const { draft } = form;
  return (
    <Group name="When it is looked at">
      <Choice
        {...form}
        field="when"
        label="How often"
        options={[
          ["every", "Every so many minutes"],
          ["daily", "Once a day"],
          ["asked", "Only when somebody asks"],
        ]}
      />
      {draft.when === "every" && (
        <Text {...form} field="everyMinutes" label="Minutes between two looks" numeric />
      )}
      {draft.when === "daily" && (
        <>
          <Text {...form} field="dailyAt" label="At" hint="06:30" />
          <Text
            {...form}
            field="timeZone"
            label="By the clocks of"
            hint="Europe/Berlin"
            list={Intl.supportedValuesOf("timeZone")}
          />
        </>
      )}
    </Group>
  );
}

export function ReadFields(form: Form) {
  const known = useRemote("/api/feeds/profiles", (path, signal) =>
    getJson<{ items: readonly ProfileEntry[] }>(path, signal).then(({ items }) => items),
  ).data;
  return (
    <Group name="How it is read">
      <Choice
        {...form}
        field="profile"
        label="Read by"
        options={[
          ["", "What the file tells"],
          ...(known ?? []).map(
            ({ name, title, shipped }) => [name, shipped ? title : `${name} (yours)`] as const,
          ),
        ]}
      />
      <Choice
        {...form}
        field="feed"
        label="What the file does not name"
        options={[
          ["", "As the profile says"],
          ["partial", "Stays as it was"],
          ["full", "Is no longer offered"],
        ]}
      />
      <Choice
        {...form}
        field="asOf"
        label="Its counts speak of"
        options={[
          ["none", "A moment that nobody knows"],
          ["modified", "The file's own time"],
          ["fetched", "The moment of the look"],
        ]}
      />
      <Text {...form} field="currency" label="Currency of amounts that do not say" />
      <Text {...form} field="encoding" label="Encoding" hint="as the file tells" />
    </Group>
  );
}

function Group({ name, children }: { name: string; children: ReactNode }) {
  return (
    <section className="panel" aria-label={name}>
      <div className="panel-head">
        <h2>{name}</h2>
      </div>
      <div className="source-fields">{children}</div>
    </section>
  );
}

interface FieldProps extends Form {
  field: DraftField;
  label: string;
  note?: string;
}

interface About {
  id: string;
  "aria-invalid": boolean;
  "aria-describedby": string;
}

function Wrapped({
  field,
  label,
  note = "",
  fault,
  idOf,
  children,
}: FieldProps & { children: (about: About) => ReactNode }) {
  const id = idOf(field);
  const wrong = fault?.field === field;
  return (
    <div className="rule-field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-invalid": wrong, "aria-describedby": `${id}-note ${id}-fault` })}
      {note !== "" && (
        <span className="data-sub" id={`${id}-note`}>
          {note}
        </span>
      )}
      <span className="field-fault" id={`${id}-fault`} data-testid={`fault-${field}`}>
        {wrong ? fault.text : ""}
      </span>
    </div>
  );
}

interface TextProps extends FieldProps {
  hint?: string;
  numeric?: boolean;
  list?: readonly string[];
  /** Where what is typed is not what is kept. */
  value?: string;
  change?: (text: string) => void;
}

function Text({ hint, numeric = false, list, value, change, ...rest }: TextProps) {
  const { draft, set, field } = rest;
  return (
    <Wrapped {...rest}>
      {(about) => (
        <>
          <input
            {...about}
            value={value ?? draft[field]}
            placeholder={hint}
            inputMode={numeric ? "numeric" : "text"}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            list={list && `${about.id}-list`}
            onChange={({ target }) =>
              change ? change(target.value) : set({ [field]: target.value })
            }
          />
          {list && (
            <datalist id={`${about.id}-list`}>
              {list.map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
          )}
        </>
      )}
    </Wrapped>
  );
}

interface ChoiceProps extends FieldProps {
  options: readonly (readonly [value: string, label: string])[];
}

function Choice({ options, ...rest }: ChoiceProps) {
  const { draft, set, field } = rest;
  return (
    <Wrapped {...rest}>
      {(about) => (
        <select
          {...about}
          value={draft[field]}
          onChange={({ target }) => set({ [field]: target.value } as Partial<SourceDraft>)}
        >
          {options.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      )}
    </Wrapped>
  );
}
