/** Every supplier: how its data stands, where it comes from, what its last import brought. */

import { Failed } from "../shared/Notice.tsx";
import { Link, useTitle } from "../shared/router.tsx";
import { addHref } from "./SourceForm.tsx";
import { SourcesTable } from "./SourcesTable.tsx";
import { SuppliersTable } from "./SuppliersTable.tsx";
import { useRuns } from "./useRuns.ts";
import { useSources } from "./useSources.ts";
import { useSuppliers } from "./useSuppliers.ts";
import "../styles/sources.css";

export function SuppliersPage() {
  useTitle("Suppliers · Shopwire console");
  const suppliers = useSuppliers();
  const runs = useRuns();
  const sources = useSources();
  return (
    <>
      <div className="page-head">
        <h1>Suppliers</h1>
        <p>Who holds stock for the shop, and when each was last heard of.</p>
      </div>
      <section className="panel" aria-label="Suppliers">
        {suppliers.error && suppliers.data === null ? (
          <Failed error={suppliers.error} retry={suppliers.reload} />
        ) : (
          <SuppliersTable
            suppliers={suppliers.data}
            runs={runs.data}
            supplies={sources.data?.suppliers ?? []}
          />
        )}
      </section>
      <section className="panel" aria-labelledby="sources">
        <div className="panel-head">
          <h2 id="sources">Sources</h2>
          <Link className="button button-small" href={addHref()}>
            Add a source
          </Link>
        </div>
        {sources.error && sources.data === null ? (
          <Failed error={sources.error} retry={sources.reload} />
        ) : (
          <SourcesTable data={sources.data} />
        )}
      </section>
    </>
  );
}
