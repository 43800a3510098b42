/** Stands where a source was asked for that is not there. */

import { Notice } from "../shared/Notice.tsx";
import { Link } from "../shared/router.tsx";

export const SUPPLIERS = "/console/suppliers";

export function NoSuchSource() {
  return (
    <Notice
      page
      title="There is no such source"
      actions={
        <Link className="button" href={SUPPLIERS}>
          All suppliers
        </Link>
      }
    >
      It may have been removed; what it brought stays.
    </Notice>
  );
}
