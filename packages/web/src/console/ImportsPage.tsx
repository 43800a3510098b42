/** All imports that are kept in the list, newest first. */

import { Icon } from "../shared/icons.tsx";
import { Failed } from "../shared/Notice.tsx";
import { Link, useTitle } from "../shared/router.tsx";
import { ageText, useNow } from "../shared/time.ts";
import { ExportPanel } from "./ExportPanel.tsx";
import { RunsTable } from "./RunsTable.tsx";
import { useHeld } from "./useHeld.ts";
import { useRuns } from "./useRuns.ts";
import { nameOf, useSuppliers } from "./useSuppliers.ts";
import "../styles/imports.css";
import "../styles/preview.css";

export function ImportsPage() {
  useTitle("Imports · Shopwire console");
  const runs = useRuns();
  const suppliers = useSuppliers();
  const held = useHeld();
  const now = useNow(60_000);
  // Only where no later import of the supplier came.
  const cut =
    runs.data?.filter(
      (run, at, all) =>
        run.status === "interrupted" &&
        all.findIndex(({ supplier }) => supplier === run.supplier) === at,
    ) ?? [];
  return (
    <>
      <div className="page-head">
        <h1>Imports</h1>
        <p>Newest first. A row moves while its import runs.</p>
        <Link className="button button-small" href="/console/try-a-file">
          Try a file
        </Link>
      </div>
      {held.length > 0 && (
        <p className="banner banner-warm waiting" role="status">
          <Icon name="alert" />
          <span>
            {held.length === 1 ? "One import waits" : `${held.length} imports wait`} for you:{" "}
            {held.map((run, at) => (
              <span key={run.id}>
                {at > 0 && ", "}
                <Link href={`/console/imports/${encodeURIComponent(run.id)}`}>
                  {nameOf(run.supplier, suppliers.data)}
                </Link>{" "}
                (for {ageText(Math.max(0, now - run.started_at_ms))})
              </span>
            ))}
          </span>
        </p>
      )}
      {cut.length > 0 && (
        <p className="banner banner-warm waiting" role="status">
          <Icon name="alert" />
          <span>
            Cut off before the end, to be started again:{" "}
            {cut.map((run, at) => (
              <span key={run.id}>
                {at > 0 && ", "}
                <Link href={`/console/imports/${encodeURIComponent(run.id)}`}>
                  {nameOf(run.supplier, suppliers.data)}
                </Link>
              </span>
            ))}
          </span>
        </p>
      )}
      <section className="panel" aria-label="Imports">
        {runs.error && runs.data === null ? (
          <Failed error={runs.error} retry={runs.reload} />
        ) : (
          <RunsTable runs={runs.data} suppliers={suppliers.data} />
        )}
      </section>
      <ExportPanel suppliers={suppliers.data} />
    </>
  );
}
