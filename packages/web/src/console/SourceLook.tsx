/** What a look at a source found: whether a file is there, and what its first rows would become. */

import { mappingOf } from "./mapping.ts";
import { Findings, Rows } from "./PreviewParts.tsx";
import type { Looked } from "./sourceForm.ts";

export function SourceLook({ looked }: { looked: Looked | null }) {
  const preview = looked?.preview ?? null;
  return (
    <>
      <p role="status" data-testid="looked">
        {looked === null ? "" : foundText(looked)}
      </p>
      {preview !== null && (
        <>
          <Findings preview={preview} />
          <Rows preview={preview} mapping={mappingOf(preview)} />
        </>
      )}
    </>
  );
}

/** The find in a sentence. */
export function foundText({ bytes, file, more, preview }: Looked): string {
  if (preview === null) return "It can be reached, and no file is there yet.";
  const what = file === "" ? "A file" : file;
  const others = more ? " Further files wait." : "";
  return `It works: ${what}, ${bytes.toLocaleString()} bytes. Nothing was taken in.${others}`;
}
