/** All imports that are kept in the list, newest first. */

import { Failed } from "../shared/Notice.tsx";
import { useTitle } from "../shared/router.tsx";
import { RunsTable } from "./RunsTable.tsx";
import { useRuns } from "./useRuns.ts";
import { useSuppliers } from "./useSuppliers.ts";

export function ImportsPage() {
  useTitle("Imports · Shopwire console");
  const runs = useRuns();
  const suppliers = useSuppliers();
  return (
    <>
      <div className="page-head">
        <h1>Imports</h1>
        <p>Newest first. A row moves while its import runs.</p>
      </div>
      <section className="panel" aria-label="Imports">
        {runs.error && runs.data === null ? (
          <Failed error={runs.error} retry={runs.reload} />
        ) : (
          <RunsTable runs={runs.data} suppliers={suppliers.data} />
        )}
      </section>
    </>
  );
}
