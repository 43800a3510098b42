/** A row of values as a small line; decoration beside the number that it belongs to. */

interface SparklineProps {
  values: readonly (number | null)[];
  width?: number;
  height?: number;
}

/** The line's path; values of null leave a gap. Zero is always on the scale. */
export function sparkPath(
  values: readonly (number | null)[],
  width: number,
  height: number,
): string {
  const most = Math.max(1, ...values.map((value) => value ?? 0));
  const step = values.length > 1 ? width / (values.length - 1) : width;
  let open = false;
  return values
    .map((value, at) => {
      if (value === null) {
        open = false;
        return "";
      }
      const point = `${(at * step).toFixed(1)} ${(height - (value / most) * height).toFixed(1)}`;
      const part = `${open ? "L" : "M"}${point}`;
      open = true;
      return part;
    })
    .join("");
}

export function Sparkline({ values, width = 120, height = 28 }: SparklineProps) {
  return (
    <svg
      className="sparkline"
      viewBox={`0 -2 ${width} ${height + 4}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={sparkPath(values, width, height)} />
    </svg>
  );
}

/** Values as bars: for things that happen one by one, such as imports. */
export function Bars({ values, height = 22 }: { values: readonly number[]; height?: number }) {
  const most = Math.max(1, ...values);
  const width = values.length * 6;
  return (
    <svg
      className="bars"
      viewBox={`0 0 ${width} ${height}`}
      width={width}
      height={height}
      aria-hidden="true"
    >
      {values.map((value, at) => {
        const tall = Math.max(1, (value / most) * height);
        // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place in the row.
        return <rect key={at} x={at * 6} y={height - tall} width={4} height={tall} rx={1} />;
      })}
    </svg>
  );
}
