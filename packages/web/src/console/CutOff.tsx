/** An import that was cut off: how it is started again, from where it came. */

import { useCommand } from "@shopwire/client/react";
import type { ImportRun } from "../shared/documents.ts";
import { Link } from "../shared/router.tsx";
import { AskButton } from "./AskButton.tsx";
import { hrefOf, useSources } from "./useSources.ts";

export function CutOff({ run }: { run: ImportRun }) {
  const sources = useSources(run.supplier).data?.sources ?? [];
  const source = sources.find(
    ({ name }) => run.source === name || run.source.startsWith(`${name}: `),
  );
  const now = useCommand("sources.run_now");
  if (source === undefined) {
    return (
      <p className="run-actions">
        <Link className="button" href="/console/try-a-file">
          Send the file again
        </Link>
        What the shop knows by now is not sent twice.
      </p>
    );
  }
  const fetchAgain = (): void => {
    void now.send({ supplier: source.supplier, name: source.name });
  };
  return (
    <p className="run-actions">
      {source.state === "active" && "Its source fetches it again by itself, or"}
      <AskButton name="fetch-again" pending={now.pending} ask={fetchAgain}>
        Fetch it again
      </AskButton>
      <span role="status">{now.result !== null && "It is fetched now."}</span>
      <Link href={hrefOf(source)}>Its source</Link>
      <span role="alert">{now.error?.message}</span>
    </p>
  );
}
