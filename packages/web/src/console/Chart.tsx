/** One series over time, drawn by uPlot; redrawn when its size or the colours change. */

import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { numberText } from "./metrics.ts";

interface ChartProps {
  title: string;
  unit: string;
  /** Seconds, and the values at them; null is a gap. */
  times: readonly number[];
  values: readonly (number | null)[];
  /** Which of the chart colours. */
  colour: 1 | 2 | 3 | 4;
}

const HEIGHT_PX = 156;
const SPAN_S_LEAST = 60;

const hours = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** What the colour is right now: a canvas does not follow CSS by itself. */
function resolved(host: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  host.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function faint(colour: string): string {
  return `color-mix(in oklab, ${colour} 14%, transparent)`;
}

function optionsFor(host: HTMLElement, unit: string, colour: ChartProps["colour"]): uPlot.Options {
  const line = resolved(host, `--chart-${colour}`);
  const soft = resolved(host, "--ink-soft");
  const grid = { stroke: resolved(host, "--line"), width: 1 };
  const font = `11px ${getComputedStyle(host).fontFamily}`;
  const axis = { stroke: soft, grid, font, ticks: { show: false } };
  return {
    width: host.clientWidth,
    height: HEIGHT_PX,
    padding: [10, 26, 0, 0], // the last time stands half beyond the last value
    cursor: { y: false, points: { size: 7 } },
    legend: { show: false },
    scales: {
      // A short past does not fill the width: it would look like a long one.
      x: {
        time: true,
        range: (plot) => spanOf(plot.data[0]),
      },
      // The scale starts at zero, and a quiet line does not look like a storm.
      y: { range: (_plot, _least, most) => [0, Math.max(5, (most ?? 0) * 1.15)] },
    },
    axes: [
      { ...axis, size: 26, grid: { show: false }, space: 84, values: timesOf },
      { ...axis, size: 44, space: 36, values: (_plot, at) => at.map((one) => numberText(one)) },
    ],
    series: [
      {},
      {
        label: unit,
        stroke: line,
        width: 1.75,
        fill: faint(line),
        // One value alone makes no line.
        points: { show: (plot) => plot.data[0].length === 1, size: 5 },
      },
    ],
  };
}

/** From when to when; before the first value comes, the last minute. */
function spanOf(times: ArrayLike<number>): [number, number] {
  const end = times[times.length - 1] ?? Date.now() / 1_000;
  return [Math.min(times[0] ?? end, end - SPAN_S_LEAST), end];
}

function timesOf(_plot: uPlot, seconds: number[]): string[] {
  return seconds.map((one) => hours.format(one * 1_000));
}

export function Chart({ title, unit, times, values, colour }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = useRef<uPlot.AlignedData>([[], []]);

  useEffect(() => {
    data.current = [[...times], [...values]];
    plot.current?.setData(data.current);
  }, [times, values]);

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsFor(element, unit, colour), data.current, element);
    };
    draw();
    const sizes = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT_PX }),
    );
    sizes.observe(element);
    const themes = new MutationObserver(draw);
    themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const dark = window.matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    return () => {
      sizes.disconnect();
      themes.disconnect();
      dark.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [unit, colour]);

  return (
    <figure className="chart">
      <figcaption>
        {title} <span>{unit}</span>
      </figcaption>
      <div className="chart-host" ref={host} role="img" aria-label={spoken(title, unit, values)} />
    </figure>
  );
}

/** The chart in words, for who does not see it. */
export function spoken(title: string, unit: string, values: readonly (number | null)[]): string {
  const known = values.filter((value) => value !== null);
  const now = known.at(-1);
  if (now === undefined) return `${title}: nothing yet.`;
  const least = numberText(Math.min(...known));
  const most = numberText(Math.max(...known));
  return `${title}: ${numberText(now)} ${unit} now; between ${least} and ${most} lately.`;
}
