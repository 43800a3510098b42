/** What rules would do, drawn before they hold. */

import { formatMoney } from "../../shared/money.ts";
import { Link } from "../../shared/router.tsx";
import { Scroll } from "../Scroll.tsx";
import type { Bar, Move, Preview } from "./types.ts";
import { barText, changeText, marginText } from "./words.ts";

const count = new Intl.NumberFormat();

export function PreviewPanel({ preview }: { preview: Preview }) {
  const { total } = preview;
  return (
    <section className="panel" aria-labelledby="preview" data-testid="price-preview">
      <div className="panel-head">
        <h2 id="preview">What it would do</h2>
        <span>
          {count.format(preview.skus)} articles in {preview.took_ms} ms
        </span>
      </div>
      <dl className="amounts">
        <Fact name="Prices that change">{count.format(preview.changed)}</Fact>
        <Fact name="up">{count.format(preview.up)}</Fact>
        <Fact name="down">{count.format(preview.down)}</Fact>
        <Fact name="Margin, a unit of each">
          {marginText(total.before)} → {marginText(total.after)}
        </Fact>
        <Fact name="Newly at a floor">{count.format(preview.floored_count)}</Fact>
        {preview.gained + preview.lost > 0 && (
          <Fact name="Prices that come, and go">
            {count.format(preview.gained)}, {count.format(preview.lost)}
          </Fact>
        )}
      </dl>
      {preview.histogram.length > 0 && <Histogram bars={preview.histogram} />}
      <Categories preview={preview} />
      <div className="price-moves">
        <Moves title="Most up" moves={preview.largest_up} currency={preview.currency} />
        <Moves title="Most down" moves={preview.largest_down} currency={preview.currency} />
      </div>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** How many prices move how far: a bar each, and the same in words. */
function Histogram({ bars }: { bars: readonly Bar[] }) {
  const most = Math.max(1, ...bars.map(({ skus }) => skus));
  return (
    <ul className="price-bars" aria-label="How far prices move">
      {bars.map((bar) => (
        <li key={barText(bar)} data-way={wayOf(bar)}>
          <span className="price-bar-name">{barText(bar)}</span>
          <span className="price-bar">
            <span style={{ inlineSize: `${(bar.skus / most) * 100}%` }} />
          </span>
          <span className="price-bar-count">{count.format(bar.skus)}</span>
        </li>
      ))}
    </ul>
  );
}

function wayOf({ from_bp }: Bar): "down" | "same" | "up" {
  if (from_bp === null || from_bp < 0) return "down";
  return from_bp === 0 ? "same" : "up";
}

function Categories({ preview }: { preview: Preview }) {
  return (
    <Scroll label="Margin by category">
      <table className="data">
        <thead>
          <tr>
            <th scope="col">Category</th>
            <th scope="col" className="number">
              Articles
            </th>
            <th scope="col" className="number">
              Change
            </th>
            <th scope="col" className="number">
              Margin now
            </th>
            <th scope="col" className="number">
              then
            </th>
          </tr>
        </thead>
        <tbody>
          {preview.categories.map((part) => (
            <tr key={part.category}>
              <th scope="row">{nameOf(part.category)}</th>
              <td className="number">{count.format(part.skus)}</td>
              <td className="number">{count.format(part.changed)}</td>
              <td className="number">{marginText(part.before)}</td>
              <td className="number strong">{marginText(part.after)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function nameOf(category: string): string {
  if (category === "") return "No category";
  return category === "*" ? "All others" : category;
}

interface MovesProps {
  title: string;
  moves: readonly Move[];
  currency: string;
}

function Moves({ title, moves, currency }: MovesProps) {
  if (moves.length === 0) return null;
  return (
    <div>
      <h3>{title}</h3>
      <ol>
        {moves.map((one) => (
          <li key={one.sku}>
            <Link href={`/console/stock/${encodeURIComponent(one.sku)}`}>{one.sku}</Link>{" "}
            <span>
              {formatMoney(one.before_minor, currency)} → {formatMoney(one.after_minor, currency)} (
              {changeText(one.change_bp)})
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}
