/** A source is added or changed: where the feed comes from, when, and how it is read. */

import type { SourceDocument } from "@shopwire/client";
import { Failed } from "../shared/Notice.tsx";
import { Link, usePlace, useTitle } from "../shared/router.tsx";
import { NoSuchSource } from "./NoSuchSource.tsx";
import { SourceForm } from "./SourceForm.tsx";
import { draftOf, newDraft } from "./sourceForm.ts";
import { TableSkeleton } from "./TableSkeleton.tsx";
import { hrefOf, useSources } from "./useSources.ts";
import "../styles/sources.css";
import "../styles/sourceForm.css";
import "../styles/preview.css";

function ownTimeZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

export function AddSourcePage() {
  useTitle("Add a source · Shopwire console");
  const supplier = usePlace().params.get("supplier") ?? "";
  return (
    <>
      <div className="page-head">
        <h1>Add a source</h1>
        <p>Say where a supplier's feed comes from. Test it first: nothing is taken in by that.</p>
      </div>
      <SourceForm draft={{ ...newDraft(ownTimeZone()), supplier }} known={null} />
    </>
  );
}

export function EditSourcePage({ supplier, name }: { supplier: string; name: string }) {
  const { data, error, reload } = useSources(supplier);
  const source = data?.sources.find((one) => one.name === name) ?? null;
  useTitle(`${supplier}: ${name} · Change a source · Shopwire console`);
  if (source) return <Edit source={source} />;
  if (data !== null) return <NoSuchSource />;
  return error ? <Failed page error={error} retry={reload} /> : <TableSkeleton rows={8} />;
}

function Edit({ source }: { source: SourceDocument }) {
  return (
    <>
      <div className="page-head">
        <h1>
          Change {source.supplier}: {source.name}
        </h1>
        <p>
          <Link href={hrefOf(source)}>Back to the source</Link> without changing it.
        </p>
      </div>
      <SourceForm draft={draftOf(source, ownTimeZone())} known={source} />
    </>
  );
}
