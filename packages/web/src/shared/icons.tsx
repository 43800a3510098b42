/** The few signs that the pages use, drawn on a grid of 20 with one stroke. */

const PATHS = {
  search: "M9 3.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zm4.1 9.6L17 17",
  sun: "M10 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7zM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1",
  moon: "M16.5 11.8A6.8 6.8 0 0 1 8.2 3.5a6.8 6.8 0 1 0 8.3 8.3z",
  contrast: "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM10 3v14M12 5.2v9.6M14.2 6.8v6.4",
  check: "M4 10.5l4 4 8-9",
  close: "M5 5l10 10M15 5L5 15",
  right: "M7.5 4.5L13 10l-5.5 5.5",
  left: "M12.5 4.5L7 10l5.5 5.5",
  down: "M4.5 7.5L10 13l5.5-5.5",
  up: "M10 16V4.5M5 9.5l5-5 5 5",
  alert: "M10 3.2l7.2 13H2.8zM10 8v4M10 14.2v.1",
  pulse: "M2.5 10.5h3l2-6 3.5 11 2.3-7 .9 2h3.3",
  inbox: "M3 11l2.2-6.5h9.6L17 11v5H3zM3 11h4l1 2h4l1-2h4",
  bag: "M4.5 7h11l.8 9.5H3.7zM7 7V5.8a3 3 0 0 1 6 0V7",
  minus: "M4.5 10h11",
  plus: "M10 4.5v11M4.5 10h11",
  clock: "M10 3a7 7 0 1 1 0 14 7 7 0 0 1 0-14zM10 6v4.2l2.8 1.8",
  truck:
    "M2.5 5h9v8.5h-9zM11.5 8h3.2l2.8 2.8v2.7h-6M5.6 12.4a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6zM14.2 12.4a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6z",
  card: "M2.5 5h15v10.5h-15zM2.5 8.5h15M5 12.5h3.5",
  scales: "M10 3.5v13M6 16.5h8M4 6h12M4 6l-2 5h4zM16 6l-2 5h4z",
  tag: "M3.5 3.5h6l7.5 7.5-6 6-7.5-7.5zM7 7v.1",
  link: "M8.5 11.5l3-3M7.2 9.2l-2.4 2.4a2.6 2.6 0 0 0 3.7 3.7l2.4-2.4M9.1 7.1l2.4-2.4a2.6 2.6 0 0 1 3.7 3.7l-2.4 2.4",
  swap: "M4 7.5h11.5M12.5 4.5l3 3-3 3M16 12.5H4.5M7.5 9.5l-3 3 3 3",
  people:
    "M3 17c0-3 2-4.5 4.5-4.5S12 14 12 17M7.5 4.5a2.7 2.7 0 1 1 0 5.4 2.7 2.7 0 0 1 0-5.4zM13 5a2.4 2.4 0 0 1 0 4.6M14.5 12.7c1.6.5 2.5 1.9 2.5 4.3",
  boxes: "M3 10h6v6H3zM11 10h6v6h-6zM7 4h6v6H7z",
  shop: "M3.5 8l1-4h11l1 4M4.5 8v8.5h11V8M3.5 8c0 1.2 1 2 2.2 2s2.1-.8 2.1-2c0 1.2 1 2 2.2 2s2.2-.8 2.2-2c0 1.2.9 2 2.1 2s2.2-.8 2.2-2",
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration: the words beside it, or the label of its button, say the same. */
export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg className="icon" viewBox="0 0 20 20" width={size} height={size} aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
