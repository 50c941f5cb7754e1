// One uPlot chart that follows its column's width and the colours of the page, light or dark.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface Line {
  label: string;
  /** Name of a colour in the style sheet, without the dashes. */
  colour: string;
  kind: "line" | "thin" | "bars" | "marks" | "steps";
  values: (number | null)[];
}

interface Props {
  id: string;
  title: string;
  /** What it shows, for those who don't see it. */
  words: string;
  rounds: number[];
  lines: Line[];
  fromZero?: boolean;
  format: (value: number) => string;
}

const HEIGHT = 220;
const DARK = window.matchMedia("(prefers-color-scheme: dark)");

function useDark(): boolean {
  const [dark, setDark] = useState(DARK.matches);
  useEffect(() => {
    const changed = () => setDark(DARK.matches);
    DARK.addEventListener("change", changed);
    return () => DARK.removeEventListener("change", changed);
  }, []);
  return dark;
}

export function Chart({ id, title, words, rounds, lines, fromZero, format }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const dark = useDark();
  const data = [rounds, ...lines.map((line) => line.values)] as uPlot.AlignedData;
  const shape = JSON.stringify([dark, lines.map((line) => [line.label, line.colour, line.kind])]);
  useEffect(() => {
    const target = place.current;
    if (target === null) return;
    const made = new uPlot(options(lines, target.clientWidth, fromZero ?? false, format), data, target);
    plot.current = made;
    const watching = new ResizeObserver(() => made.setSize({ width: target.clientWidth, height: HEIGHT }));
    watching.observe(target);
    return () => {
      watching.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(data), [rounds, shape, ...lines.map((line) => line.values)]);
  return (
    <figure class="card chart" aria-labelledby={id}>
      <figcaption id={id}>{title}</figcaption>
      <div ref={place} role="img" aria-label={words} />
      <ul class="legend" aria-hidden="true">
        {lines.filter((line) => line.label !== "").map((line) => (
          <li>
            <span class={`key ${line.kind} ${line.colour}`} /> {line.label}
          </li>
        ))}
      </ul>
    </figure>
  );
}

function options(lines: Line[], width: number, fromZero: boolean, format: (value: number) => string): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const axis = { stroke: colour("muted"), grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { points: { show: false }, y: false },
    scales: {
      x: { time: false, range: (_, low, high) => [low - 0.6, high + 0.6] },
      y: fromZero ? { range: (_, __, high) => [0, (high || 1) * 1.08] } : {},
    },
    axes: [
      { ...axis, size: 30, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? String(tick) : "")) },
      { ...axis, size: 64, values: (_, ticks) => ticks.map(format) },
    ],
    series: [
      { label: "round" },
      ...lines.map((line): uPlot.Series => {
        const stroke = colour(line.colour);
        switch (line.kind) {
          case "bars":
            return { label: line.label, stroke, fill: stroke, width: 0, paths: uPlot.paths.bars?.({ size: [0.75, 48] }), points: { show: false } };
          case "marks":
            return { label: line.label, stroke, paths: () => null, points: { show: true, size: 7, width: 2, stroke, fill: colour("card") } };
          case "steps":
            return { label: line.label, stroke, width: 2, paths: uPlot.paths.stepped?.({ align: 1 }), points: { show: false } };
          default:
            return { label: line.label, stroke, width: line.kind === "thin" ? 1 : 2.5, spanGaps: true, points: { show: line.values.length < 60, size: line.kind === "thin" ? 4 : 5, fill: stroke } };
        }
      }),
    ],
  };
}
