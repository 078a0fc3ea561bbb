import type { Results } from "./results.ts";
import { medians } from "./small-calls.ts";
import { median } from "./statistics.ts";

/** The figures as bars, an SVG: one panel for each row that was measured. */
export function plot(results: Results): string {
  const panels = panelsOf(results);
  const heights = panels.map(({ bars }) => panelHeadHeight + bars.length * barHeight + panelGap);
  const height = heights.reduce((sum, each) => sum + each, margin);
  const tops = heights.map((_height, index) => heights.slice(0, index).reduce((sum, each) => sum + each, margin));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="13"><title>What a call costs through the tunnel</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...panels.flatMap((panel, index) => drawPanel(panel, tops[index]!)),
    "</svg>\n",
  ].join("\n");
}

interface Bar {
  readonly name: string;
  /** Laid end to end. */
  readonly parts: readonly number[];
}

interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
  /** A line to be kept under or over. */
  readonly mark?: { readonly value: number; readonly text: string };
}

const width = 760;
const margin = 16;
const panelHeadHeight = 26;
const panelGap = 22;
const barHeight = 26;
const barsLeft = 130;
const barsWidth = 500;
const colours = ["#2f6f9f", "#7fb2d6"] as const;

function panelsOf({ calls, bulk, rate, gates }: Results): Panel[] {
  const panels: Panel[] = [];
  if (calls) {
    const bars = calls.flatMap((row) => {
      const { cpuUsPerCallOf } = medians(row);
      const parts = Object.values(cpuUsPerCallOf);
      return parts.length === 0 ? [] : [{ name: row.name, parts }];
    });
    const limit = gates.find(({ what }) => what.startsWith("CPU time"))?.atMost;
    const floor = bars.find(({ name }) => name === "one hop")?.parts[0];
    const mark = limit && floor ? { mark: { value: limit * floor, text: `${limit} × one hop` } } : {};
    panels.push({ title: "CPU time for a small SOAP call, µs (tunnel: R1, then R2)", bars, ...mark });
  }
  if (bulk) {
    const bars = bulk.map(({ name, direction, megabytesPerSecond }) => ({
      name: `${name}, ${direction}`,
      parts: [median(megabytesPerSecond)],
    }));
    panels.push({ title: "One large message, MB/s", bars });
  }
  if (rate) {
    const bars = rate.map((row) => ({ name: row.name, parts: [median(row.p50Us)] }));
    panels.push({ title: "One connection at a low rate, p50 in µs", bars });
  }
  return panels;
}

function drawPanel({ title, bars, mark }: Panel, top: number): string[] {
  const most = Math.max(mark?.value ?? 0, ...bars.map(total));
  const scale = (value: number): number => Math.round((value / most) * barsWidth);
  const firstBar = top + panelHeadHeight;
  const bottom = firstBar + bars.length * barHeight;
  const drawn = [`<text x="${margin}" y="${top + 13}" font-weight="bold" fill="#222222">${title}</text>`];
  for (const [index, bar] of bars.entries()) drawn.push(...drawBar(bar, firstBar + index * barHeight, scale));
  if (mark) {
    const x = barsLeft + scale(mark.value);
    drawn.push(
      `<line x1="${x}" x2="${x}" y1="${firstBar - 4}" y2="${bottom}" stroke="#b03030" stroke-dasharray="4 3"/>`,
      `<text x="${x}" y="${firstBar - 8}" text-anchor="middle" font-size="11" fill="#b03030">${mark.text}</text>`,
    );
  }
  return drawn;
}

function drawBar(bar: Bar, top: number, scale: (value: number) => number): string[] {
  const drawn = [`<text x="${barsLeft - 8}" y="${top + 15}" text-anchor="end" fill="#222222">${bar.name}</text>`];
  let done = 0;
  for (const [index, part] of bar.parts.entries()) {
    const left = barsLeft + scale(done);
    const right = barsLeft + scale(done + part);
    const colour = colours[index % colours.length]!;
    drawn.push(`<rect x="${left}" y="${top + 2}" width="${right - left}" height="${barHeight - 8}" fill="${colour}"/>`);
    done += part;
  }
  const text = Math.round(total(bar)).toLocaleString("en-US");
  drawn.push(`<text x="${barsLeft + scale(total(bar)) + 6}" y="${top + 15}" fill="#222222">${text}</text>`);
  return drawn;
}

function total({ parts }: Bar): number {
  return parts.reduce((sum, part) => sum + part, 0);
}
