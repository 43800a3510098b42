/** Every supplier, with what its last import brought. */

import { Failed } from "../shared/Notice.tsx";
import { useTitle } from "../shared/router.tsx";
import { SuppliersTable } from "./SuppliersTable.tsx";
import { useRuns } from "./useRuns.ts";
import { useSuppliers } from "./useSuppliers.ts";

export function SuppliersPage() {
  useTitle("Suppliers · Shopwire console");
  const suppliers = useSuppliers();
  const runs = useRuns();
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
          <SuppliersTable suppliers={suppliers.data} runs={runs.data} />
        )}
      </section>
    </>
  );
}
