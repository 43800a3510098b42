/** Try a file out, say what its columns are, keep that under a name, and take the file in by it. */

import { useEffect, useState } from "react";
import { ApiError, getJson } from "../shared/api.ts";
import { Notice } from "../shared/Notice.tsx";
import { useRemote, useSettled } from "../shared/remote.ts";
import { Link, useTitle } from "../shared/router.tsx";
import { Field } from "./MappingFields.tsx";
import { Columns } from "./MappingForm.tsx";
import { mappingOf } from "./mapping.ts";
import { Findings, Rows } from "./PreviewParts.tsx";
import { SaveMapping } from "./PreviewSave.tsx";
import {
  isXml,
  type Preview,
  type ProfileEntry,
  postFile,
  previewPath,
  type Reading,
  startOf,
} from "./preview.ts";
import { TableSkeleton } from "./TableSkeleton.tsx";
import "../styles/preview.css";

/** How long nothing is changed before the file is read again. */
const SETTLE_MS = 400;

export function PreviewPage() {
  useTitle("Try a file · Shopwire console");
  const [file, setFile] = useState<File | null>(null);
  const [reading, setReading] = useState<Reading>({
    ...{ profile: "", mapping: null, item: "", encoding: "", currency: "EUR", header: true },
  });
  const { preview, error, loading } = usePreview(file, reading);
  const mapping =
    reading.mapping ?? (preview === null ? null : mappingOf(preview, reading.item, reading.header));
  return (
    <>
      <div className="page-head">
        <h1>Try a file</h1>
        <p>
          The first hundred rows as they would be. Nothing is written until you take the file in.
        </p>
      </div>
      <section className="panel preview-form" aria-label="The file">
        <Field label="File">
          {(id) => (
            <input
              id={id}
              type="file"
              onChange={(event) => {
                setFile(event.target.files?.[0] ?? null);
                setReading((was) => ({ ...was, mapping: null, item: "", header: true }));
              }}
            />
          )}
        </Field>
        <Profiles
          value={reading.profile}
          change={(profile) => setReading((was) => ({ ...was, profile, mapping: null }))}
        />
        <Field label="Currency of amounts that name none">
          {(id) => (
            <input
              id={id}
              value={reading.currency}
              maxLength={3}
              onChange={(event) =>
                setReading((was) => ({ ...was, currency: event.target.value.toUpperCase() }))
              }
            />
          )}
        </Field>
        <Field label="Encoding">
          {(id) => (
            <select
              id={id}
              value={reading.encoding}
              onChange={(event) => setReading((was) => ({ ...was, encoding: event.target.value }))}
            >
              <option value="">As the file tells</option>
              <option value="utf-8">UTF-8</option>
              <option value="cp1252">Windows-1252</option>
              <option value="iso-8859-15">ISO 8859-15</option>
              <option value="utf-16">UTF-16</option>
            </select>
          )}
        </Field>
        <label className="preview-check">
          <input
            type="checkbox"
            checked={!reading.header}
            onChange={(event) => {
              const header = !event.target.checked;
              setReading((was) => ({ ...was, header, mapping: null, profile: "" }));
            }}
          />
          Its first line is a row, and names no columns
        </label>
        {preview !== null && isXml(preview) && (
          <Field label="Element that is a row">
            {(id) => (
              <input
                id={id}
                value={reading.mapping?.item ?? reading.item}
                placeholder="item"
                autoComplete="off"
                spellCheck={false}
                onChange={(event) => setReading(withItem(event.target.value.trim()))}
              />
            )}
          </Field>
        )}
      </section>
      {error !== null && (
        <div role="alert">
          <Notice
            title={error.body.message}
            icon="alert"
            actions={
              error.body.name === "NotAFeed" ? (
                <Link className="button" href="/console/channels">
                  Ways out
                </Link>
              ) : undefined
            }
          >
            {error.body.remedy}
          </Notice>
        </div>
      )}
      {file === null ? (
        <Notice title="Choose a file" icon="inbox">
          A table, a workbook, JSON, XML or X12, also packed. Its columns need not have our names.
        </Notice>
      ) : preview === null ? (
        error === null && <TableSkeleton rows={6} />
      ) : (
        <div className="preview-shown" aria-busy={loading}>
          <Findings preview={preview} />
          {mapping !== null && (
            <Columns
              preview={preview}
              mapping={mapping}
              change={(next) => setReading((was) => ({ ...was, mapping: next }))}
            />
          )}
          {mapping !== null && <Rows preview={preview} mapping={mapping} />}
          <SaveMapping file={file} reading={reading} preview={preview} />
        </div>
      )}
    </>
  );
}

/** Another element is another file: what its columns are is said anew. */
function withItem(item: string): (was: Reading) => Reading {
  return (was) => ({ ...was, item, mapping: null });
}

interface Shown {
  readonly preview: Preview | null;
  readonly error: ApiError | null;
  readonly loading: boolean;
}

/** Reads the file again whenever something else is said about it; the last word counts. */
function usePreview(file: File | null, reading: Reading): Shown {
  const path = useSettled(previewPath(reading), SETTLE_MS);
  const [shown, setShown] = useState<Shown>({ preview: null, error: null, loading: false });
  useEffect(() => {
    if (file === null) return;
    const stop = new AbortController();
    setShown((was) => ({ ...was, error: null, loading: true }));
    postFile<Preview>(path, startOf(file), {}, stop.signal).then(
      (preview) => setShown({ preview, error: null, loading: false }),
      (problem: unknown) => {
        if (stop.signal.aborted) return;
        if (!(problem instanceof ApiError)) throw problem;
        setShown((was) => ({ ...was, error: problem, loading: false }));
      },
    );
    return () => stop.abort();
  }, [file, path]);
  return shown;
}

function Profiles({ value, change }: { value: string; change: (profile: string) => void }) {
  const known = useRemote("/api/feeds/profiles", (path, signal) =>
    getJson<{ items: readonly ProfileEntry[] }>(path, signal).then(({ items }) => items),
  ).data;
  return (
    <Field label="Read by">
      {(id) => (
        <select id={id} value={value} onChange={(event) => change(event.target.value)}>
          <option value="">What the file tells</option>
          {known?.map((one) => (
            <option key={one.name} value={one.name}>
              {one.shipped ? one.title : `${one.name} (yours)`}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
