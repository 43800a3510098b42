/** The fields of a source follow from where its feed comes from; what is wrong is told at its own. */

import type { SourceDocument } from "@shopwire/client";
import { useClient } from "@shopwire/client/react";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { withParams } from "../shared/api.ts";
import { navigate } from "../shared/router.tsx";
import { useOffline } from "../shared/useOffline.ts";
import { postFile } from "./preview.ts";
import { PlaceFields, ReadFields, WhenFields, WhoseFields } from "./SourceFields.tsx";
import { SourceLook } from "./SourceLook.tsx";
import {
  bodyOf,
  type DraftField,
  draftOf,
  type Fault,
  faultOf,
  faultOfDraft,
  type Looked,
  type SourceDraft,
  secretName,
} from "./sourceForm.ts";
import { hrefOf } from "./useSources.ts";

interface SourceFormProps {
  draft: SourceDraft;
  /** The source that is changed; null for a new one. */
  known: SourceDocument | null;
}

export function SourceForm({ draft: began, known }: SourceFormProps) {
  const form = useSourceForm(began, known);
  const { draft, fault, busy, looked } = form;
  const blocked = busy !== "";
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (!blocked) form.save();
  };
  return (
    <form className="source-form" onSubmit={submit} noValidate ref={form.element}>
      <Elsewhere began={began} known={busy === "save" ? null : known} take={form.set} />
      <WhoseFields {...form} isNew={known === null} />
      <PlaceFields {...form} />
      {draft.kind !== "push" && <WhenFields {...form} />}
      <ReadFields {...form} />
      <p className="source-actions">
        <button type="submit" className="button button-main" aria-disabled={blocked}>
          {busy === "save" ? "One moment…" : known === null ? "Add the source" : "Save changes"}
        </button>
        {draft.kind !== "push" && (
          <button
            type="button"
            className="button"
            aria-disabled={blocked}
            onClick={() => {
              if (!blocked) form.test();
            }}
          >
            {busy === "test" ? "Looking…" : "Test it"}
          </button>
        )}
      </p>
      <div role="alert" className="refused">
        {fault?.field === null ? fault.text : ""}
      </div>
      <SourceLook looked={looked} />
    </form>
  );
}

const CUT_OFF: Fault = {
  field: null,
  text: "There is no connection to the shop: nothing was sent. Try again when the page is live.",
};

/** The draft, and what is done with it. */
function useSourceForm(began: SourceDraft, known: SourceDocument | null) {
  const client = useClient();
  const offline = useOffline();
  const [draft, setDraft] = useState(began);
  const [fault, setFault] = useState<Fault | null>(null);
  const [busy, setBusy] = useState<"" | "save" | "test">("");
  const [looked, setLooked] = useState<Looked | null>(null);
  const element = useRef<HTMLFormElement>(null);
  const id = useId();
  const idOf = (field: DraftField): string => `${id}-${field}`;
  const field = fault?.field ?? null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a further fault of the same field, too.
  useEffect(() => {
    if (field !== null) document.getElementById(idOf(field))?.focus();
  }, [fault]);
  const set = (part: Partial<SourceDraft>): void => {
    setDraft((was) => ({ ...was, ...part }));
    setFault((was) => (was?.field != null && was.field in part ? null : was));
    setLooked(null);
  };
  const attempt = (what: "save" | "test", work: () => Promise<void>): void => {
    // What is wrong in the draft is told without a server, too.
    const wrong = faultOfDraft(draft) ?? (offline ? CUT_OFF : null);
    setFault(wrong);
    if (wrong !== null) return;
    setBusy(what);
    work().then(
      () => setBusy(""),
      (problem: Error) => {
        setBusy("");
        setFault(faultOf(problem));
      },
    );
  };
  const test = (): void =>
    attempt("test", async () => {
      setLooked(null);
      const wanted = { source: bodyOf(draft), secret_text: draft.secretText.trim() };
      setLooked(await postFile<Looked>("/api/sources/test", new Blob([JSON.stringify(wanted)])));
    });
  const save = (): void =>
    attempt("save", async () => {
      const body = bodyOf(draft);
      if (draft.secretText.trim() !== "" && body.place.secret) {
        const path = `/api/secrets/${encodeURIComponent(secretName(draft))}`;
        await postFile(path, new Blob([draft.secretText]));
      }
      await client.send("sources.put_source", body);
      // A new secret alone changes no setting: the source is looked at by it all the same.
      if (known !== null && draft.secretText.trim() !== "" && known.state === "active") {
        await client.send("sources.run_now", { supplier: body.supplier, name: body.name });
      }
      navigate(hrefOf({ supplier: body.supplier, name: body.name }));
    });
  return { draft, set, fault, busy, looked, element, idOf, test, save };
}

export type Form = Pick<ReturnType<typeof useSourceForm>, "draft" | "set" | "fault" | "idOf">;

interface ElsewhereProps {
  began: SourceDraft;
  known: SourceDocument | null;
  take: (draft: SourceDraft) => void;
}

/** Somebody else changed the source while it is being changed here: whose holds, a person says. */
function Elsewhere({ began, known, take }: ElsewhereProps) {
  const [seen, setSeen] = useState(began);
  if (known === null) return null;
  const theirs = draftOf(known, began.timeZone);
  if (JSON.stringify(theirs) === JSON.stringify(seen)) return null;
  return (
    <div className="source-elsewhere" role="alert">
      <p>Somebody else has just changed this source.</p>
      <button
        type="button"
        className="button"
        onClick={() => {
          setSeen(theirs);
          take(theirs);
        }}
      >
        Take theirs
      </button>
      <button type="button" className="button" onClick={() => setSeen(theirs)}>
        Go on with mine
      </button>
    </div>
  );
}

/** Where a source of a supplier is added. */
export function addHref(supplier: string | null = null): string {
  return withParams("/console/suppliers/new", { supplier });
}
