/** A mapping gets a name, and the file is taken in by it. */

import { useClient, useCommand, useTopic } from "@shopwire/client/react";
import { type FormEvent, useState } from "react";
import { ApiError, withParams } from "../shared/api.ts";
import type { ImportRun } from "../shared/documents.ts";
import { unguessable } from "../shared/kept.ts";
import { navigate } from "../shared/router.tsx";
import { useOffline } from "../shared/useOffline.ts";
import { Typed } from "./MappingFields.tsx";
import { tomlOf } from "./mapping.ts";
import { type Preview, postFile, type Reading } from "./preview.ts";

interface SaveMappingProps {
  file: File;
  reading: Reading;
  preview: Preview;
}

export function SaveMapping({ file, reading, preview }: SaveMappingProps) {
  const save = useCommand("feeds.put_profile");
  const offline = useOffline();
  const [name, setName] = useState("");
  const [saved, setSaved] = useState<{ name: string; mapping: string } | null>(null);
  const text = reading.mapping === null ? null : tomlOf({ ...reading.mapping, title: name });
  const mine = saved !== null && saved.mapping === text ? saved.name : null;
  const profile = text === null ? preview.profile : mine;
  const blocked = offline || save.pending || name === "";
  const keep = (event: FormEvent): void => {
    event.preventDefault();
    if (blocked || text === null) return;
    void save
      .send({ name, mapping: text })
      .then((done) => done !== null && setSaved({ name, mapping: text }));
  };
  return (
    <section className="panel" aria-labelledby="keep">
      <div className="panel-head">
        <h2 id="keep">Take it in</h2>
      </div>
      {text !== null && (
        <form className="preview-form" onSubmit={keep}>
          <Typed label="Name of this mapping" value={name} change={setName} hint="lager-liste" />
          <button type="submit" className="button button-small" aria-disabled={blocked}>
            {save.pending ? "One moment…" : "Keep this mapping"}
          </button>
          <p role="status" className="preview-said">
            {mine !== null && `Kept as ${mine}: for imports, for the command line and for sources.`}
          </p>
          <p role="alert" className="refused">
            {save.error?.message}
          </p>
        </form>
      )}
      <TakeIn file={file} reading={reading} profile={profile} />
    </section>
  );
}

interface TakeInProps {
  file: File;
  reading: Reading;
  /** By which it is taken in; blank or null: there is none yet. */
  profile: string | null;
}

function TakeIn({ file, reading, profile }: TakeInProps) {
  const offline = useOffline();
  const client = useClient();
  const [supplier, setSupplier] = useState("");
  const [match, setMatch] = useState(false);
  const [run, setRun] = useState<string | null>(null);
  const pending = run !== null;
  const [refused, setRefused] = useState<string | null>(null);
  // The same file for the same supplier is one intent; another supplier is another.
  const [keys] = useState(() => new Map<string, string>());
  const blocked = offline || pending || supplier === "" || !profile;
  const take = (event: FormEvent): void => {
    event.preventDefault();
    if (blocked) return;
    // A further try is another run, under the same key.
    const own = unguessable();
    setRun(own);
    setRefused(null);
    const { encoding, currency } = reading;
    const path = withParams("/api/imports", {
      ...{ supplier, profile, encoding, currency, source: file.name },
    });
    const key = keys.get(path) ?? unguessable();
    keys.set(path, key);
    const policy = match
      ? client.send("matching.put_policy", { supplier, mode: "match" })
      : Promise.resolve(null);
    policy
      .then(() =>
        postFile<ImportRun>(withParams(path, { run: own }), file, { "Idempotency-Key": key }),
      )
      .then(
        ({ id }) => navigate(`/console/imports/${encodeURIComponent(id)}`),
        (problem: Error) => {
          const remedy = problem instanceof ApiError ? problem.body.remedy : "";
          setRun(null);
          setRefused(`${problem.message} ${remedy}`.trim());
        },
      );
  };
  return (
    <form className="preview-form" onSubmit={take}>
      <Typed label="Whose feed it is" value={supplier} change={setSupplier} hint="Nordic Supply" />
      <label className="preview-check">
        <input
          type="checkbox"
          checked={match}
          onChange={(event) => setMatch(event.target.checked)}
        />
        <span>Its SKUs are not ours: match them by GTIN and maker's number</span>
      </label>
      <button type="submit" className="button button-main button-small" aria-disabled={blocked}>
        {pending ? "One moment…" : "Take the file in"}
      </button>
      {!profile && <p className="preview-said">Keep the mapping first.</p>}
      <p role="status" className="preview-said">
        {run !== null && <Going run={run} bytes={file.size} />}
      </p>
      <p role="alert" className="refused">
        {refused}
      </p>
    </form>
  );
}

/** How far a file is: on its way, looked at, then row by row. */
function Going({ run, bytes }: { run: string; bytes: number }) {
  const doc = useTopic(`import:${run}`)?.doc;
  if (!doc) return `Sending ${sizeText(bytes)}…`;
  if (doc.rows === 0) return "The shop has the file, and looks at all of it first…";
  return `${doc.rows.toLocaleString()} rows taken in, ${doc.quarantined.toLocaleString()} of them kept back…`;
}

/** A size as people say it. */
export function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  const [amount, unit] = bytes < 1_000_000 ? [bytes / 1_000, "kB"] : [bytes / 1_000_000, "MB"];
  return `${amount.toLocaleString(undefined, { maximumFractionDigits: 1 })} ${unit}`;
}
