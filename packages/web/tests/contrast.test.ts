/** Every pair of words and ground that the pages use has the contrast of WCAG 2 AA, in both themes. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const TOKENS = readFileSync(join(import.meta.dirname, "../src/styles/tokens.css"), "utf8");
const TEXT_MIN = 4.5;
const SIGN_MIN = 3;

type Rgb = readonly [number, number, number];

/** Linear sRGB of an OKLCH colour (Björn Ottosson's matrices). */
function linear(lightness: number, chroma: number, hue: number): Rgb {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const clip = (value: number): number => Math.min(1, Math.max(0, value));
  return [
    clip(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    clip(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    clip(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function luminance(token: string, theme: "light" | "dark"): number {
  const both = new RegExp(`--${token}: light-dark\\(oklch\\(([^)]*)\\), oklch\\(([^)]*)\\)\\)`);
  const text = both.exec(TOKENS)?.[theme === "light" ? 1 : 2];
  if (text === undefined) throw new Error(`There is no token --${token}`);
  const [lightness = 0, chroma = 0, hue = 0] = text
    .split(" ")
    .map((part) => Number.parseFloat(part));
  const [red, green, blue] = linear(lightness / 100, chroma, hue);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string, theme: "light" | "dark"): number {
  const [dim = 0, bright = 0] = [luminance(one, theme), luminance(other, theme)].sort(
    (a, b) => a - b,
  );
  return (bright + 0.05) / (dim + 0.05);
}

const WORDS = ["ink", "ink-soft", "warm", "bad", "good"];
const GROUNDS = ["paper", "raised", "sunken"];
const PAIRS = [
  ...WORDS.flatMap((word) => GROUNDS.map((ground) => [word, ground] as const)),
  ["on-accent", "accent"],
  ["on-accent", "accent-strong"],
  ["ink", "accent-soft"],
  ["ink-soft", "accent-soft"],
  ["ink", "cue"],
  ["bad", "bad-soft"],
  ["ink", "warm-soft"],
  ["warm", "warm-soft"],
  ["bad", "warm-soft"],
  ["paper", "ink"],
  ["paper", "good"],
  ["paper", "warm"],
] as const;

describe.each(["light", "dark"] as const)("in the %s theme", (theme) => {
  test.each(PAIRS)("%s can be read on %s", (word, ground) => {
    expect(contrast(word, ground, theme)).toBeGreaterThanOrEqual(TEXT_MIN);
  });

  test.each(["line-strong", "focus", "chart-1", "chart-2", "chart-3", "chart-4"])(
    "%s can be seen on every ground",
    (sign) => {
      for (const ground of GROUNDS) {
        expect(contrast(sign, ground, theme)).toBeGreaterThanOrEqual(SIGN_MIN);
      }
    },
  );
});
