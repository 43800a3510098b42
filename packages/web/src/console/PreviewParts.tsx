/** How a file was read and why, and its rows: as they came, and as they would be. */

import { formatMoney } from "../shared/money.ts";
import { fieldsByColumn, type Mapping } from "./mapping.ts";
import { Findable } from "./PreviewCell.tsx";
import type { Preview, PreviewRow } from "./preview.ts";
import { Scroll } from "./Scroll.tsx";

export function Findings({ preview }: { preview: Preview }) {
  const { rows, used, quarantined, complete, profile } = preview;
  return (
    <section className="panel" aria-labelledby="findings">
      <div className="panel-head">
        <h2 id="findings">How it was read</h2>
        <span role="status">
          {profile === ""
            ? `${rows.length === 1 ? "1 row" : `${rows.length} rows`}, not mapped yet`
            : `${used} of ${rows.length} rows would be used, ${quarantined} kept back`}
          {!complete && ", and there are more"}
        </span>
      </div>
      <dl className="preview-findings">
        {preview.findings.map(({ what, value, why }) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>
              <strong>{value}</strong> <span className="data-sub">{why}</span>
            </dd>
          </div>
        ))}
      </dl>
      {preview.notes.length > 0 && (
        <ul className="preview-notes">
          {preview.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {preview.error !== null && (
        <p role="alert" className="refused">
          It breaks off: {preview.error}
        </p>
      )}
    </section>
  );
}

export function Rows({ preview, mapping }: { preview: Preview; mapping: Mapping }) {
  const fields = fieldsByColumn(mapping);
  return (
    <section className="panel" aria-labelledby="rows">
      <div className="panel-head">
        <h2 id="rows">Rows</h2>
      </div>
      <Scroll label="Rows of the file">
        <table className="data preview-rows">
          <thead>
            <tr>
              <th scope="col">Line</th>
              <th scope="col">Becomes</th>
              {preview.columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                  {fields.has(column) && <span className="data-sub">{fields.get(column)}</span>}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {preview.rows.map((row) => (
              <Row key={`${row.line}-${row.sku}`} row={row} columns={preview.columns} />
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function Row({ row, columns }: { row: PreviewRow; columns: readonly string[] }) {
  return (
    <tr data-outcome={row.outcome} data-testid="preview-row">
      <th scope="row">{row.line.toLocaleString()}</th>
      <td className="preview-becomes">
        {row.bad === null ? becomesText(row) : `${row.bad.reason}. ${row.bad.remedy}`}
      </td>
      {columns.map((column) => (
        <Findable
          key={column}
          text={row.cells[column] ?? ""}
          wrong={row.bad?.column === column ? row.bad.reason : null}
        />
      ))}
    </tr>
  );
}

/** A row in words: what it is, where it stands, what it costs, how many there are. */
export function becomesText({ outcome, sku, becomes }: PreviewRow): string {
  if (outcome === "unmapped") return "";
  const offer = becomes.offer as { cost_minor: number; currency: string } | undefined;
  return [
    sku,
    becomes.title,
    becomes.brand,
    (becomes.categories as readonly string[] | undefined)?.join(", "),
    Object.values((becomes.options as Record<string, string> | undefined) ?? {}).join(" / "),
    offer && formatMoney(offer.cost_minor, offer.currency),
    becomes.quantity !== undefined && `${becomes.quantity} in stock`,
    becomes.gtin && `GTIN ${becomes.gtin}`,
  ]
    .filter(Boolean)
    .join(" · ");
}
