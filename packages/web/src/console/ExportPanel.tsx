/** The shop's articles as a file: for another shop, a market place, or this one again. */

import { type FormEvent, useId, useState } from "react";
import { ApiError, type ErrorBody, withParams } from "../shared/api.ts";
import type { Supplier } from "../shared/documents.ts";
import { authorized } from "../shared/session.ts";
import { useOffline } from "../shared/useOffline.ts";
import { Field } from "./MappingFields.tsx";

const X12 = "x12-846";
/** Letters of a partner's name in an envelope of X12. */
const PARTNER_CHARS_MAX = 15;

const FORMS: readonly { readonly form: string; readonly name: string; readonly suffix: string }[] =
  [
    { form: "generic", name: "Our own table (CSV)", suffix: "csv" },
    { form: "shopify", name: "Shopify (CSV)", suffix: "csv" },
    { form: "woocommerce", name: "WooCommerce (CSV)", suffix: "csv" },
    { form: "google-merchant", name: "Google Merchant (TSV)", suffix: "tsv" },
    { form: "google-merchant-xml", name: "Google Merchant (XML)", suffix: "xml" },
    { form: "amazon-listings", name: "Amazon listings (JSON)", suffix: "json" },
    { form: X12, name: "Stock as X12 inventory advice (846)", suffix: "x12" },
  ];

const BROKE_OFF: ErrorBody = {
  ...{ code: 0, name: "Unreachable", temporary: true, data: {} },
  message: "The file broke off.",
  remedy: "Try again.",
};

export function ExportPanel({ suppliers }: { suppliers: readonly Supplier[] | null }) {
  const offline = useOffline();
  const heading = useId();
  const [form, setForm] = useState("generic");
  const [supplier, setSupplier] = useState("");
  const [partners, setPartners] = useState({ sender: "", receiver: "" });
  const [pending, setPending] = useState(false);
  const [said, setSaid] = useState({ done: "", refused: "" });
  const blocked = offline || pending;
  const take = (event: FormEvent): void => {
    event.preventDefault();
    if (blocked) return;
    setPending(true);
    setSaid({ done: "", refused: "" });
    const suffix = FORMS.find((one) => one.form === form)?.suffix ?? "txt";
    const name = `${supplier || "articles"}-${form}.${suffix}`;
    const named = form === X12 ? partners : {};
    fileOf(withParams(`/api/exports/${form}`, { supplier: supplier || null, ...named }))
      .then(
        (file) => {
          save(file, name);
          setSaid({ done: `${name} is in your downloads.`, refused: "" });
        },
        (problem: unknown) => {
          const body = problem instanceof ApiError ? problem.body : BROKE_OFF;
          setSaid({ done: "", refused: `${body.message} ${body.remedy}` });
        },
      )
      .finally(() => setPending(false));
  };
  return (
    <section className="panel" aria-labelledby={heading}>
      <div className="panel-head">
        <h2 id={heading}>Take articles out</h2>
        <span>what the shop knows, as a file</span>
      </div>
      <form className="preview-form" onSubmit={take}>
        <Field label="Written for">
          {(id) => (
            <select id={id} value={form} onChange={(event) => setForm(event.target.value)}>
              {FORMS.map((one) => (
                <option key={one.form} value={one.form}>
                  {one.name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Articles of">
          {(id) => (
            <select id={id} value={supplier} onChange={(event) => setSupplier(event.target.value)}>
              <option value="">Everybody</option>
              {suppliers?.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name}
                </option>
              ))}
            </select>
          )}
        </Field>
        {form === X12 &&
          (["sender", "receiver"] as const).map((one) => (
            <Field key={one} label={one === "sender" ? "Your name in X12" : "Your partner's"}>
              {(id) => (
                <input
                  id={id}
                  value={partners[one]}
                  maxLength={PARTNER_CHARS_MAX}
                  placeholder={supplier ? "as its way says" : one === "sender" ? "SHOP" : "PARTNER"}
                  autoComplete="off"
                  spellCheck={false}
                  onChange={(event) =>
                    setPartners((was) => ({ ...was, [one]: event.target.value }))
                  }
                />
              )}
            </Field>
          ))}
        <button type="submit" className="button button-small" aria-disabled={blocked}>
          {pending ? "One moment…" : "Download"}
        </button>
        {form === X12 && (
          <p className="preview-said preview-wide">
            Articles that are for sale, each with its units and cost. A SKU of more than 48 letters,
            or with a separator in it, cannot be told and is left out.
          </p>
        )}
        <p role="status" className="preview-said">
          {said.done}
        </p>
        <p role="alert" className="refused">
          {said.refused}
        </p>
      </form>
    </section>
  );
}

/** A file that only who is logged in gets, so that a link will not do; throws ApiError. */
async function fileOf(path: string): Promise<Blob> {
  const answer = await fetch(path, { headers: authorized() });
  if (answer.ok) return answer.blob();
  throw new ApiError(answer.status, (await answer.json().catch(() => BROKE_OFF)) as ErrorBody);
}

function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
