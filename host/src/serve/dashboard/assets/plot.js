// Rows that each run changed, as bars: one a run, in order of time.

import { h } from "./dom.js";
import { clockTime, count, shortCount } from "./format.js";

const HEIGHT = 220;
const MARGIN = { left: 52, right: 12, top: 12, bottom: 34 };
/** The narrowest and the widest place of a bar. */
const PLACE = { least: 12, most: 40 };
const KINDS = ["inserted", "updated", "deleted"];
/** A label of a time needs so much. */
const LABEL = 110;

/** The latest of these runs, as many as there is room for. The table of runs has the same figures. */
export function plot(runs, width) {
  const inner = Math.max(120, width - MARGIN.left - MARGIN.right);
  const shown = runs.slice(0, Math.floor(inner / PLACE.least)).reverse();
  if (shown.length === 0) return h("p", null, "There is nothing to see yet.");
  const place = Math.min(PLACE.most, inner / shown.length);
  const top = niceTop(Math.max(...shown.map(total)));
  const height = HEIGHT - MARGIN.top - MARGIN.bottom;
  const y = (rows) => MARGIN.top + height * (1 - rows / top);
  const x = (index) => MARGIN.left + index * place;
  return h("figure", { class: "plot" },
    h("figcaption", null, legend(shown)),
    h("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": inWords(shown) },
      [0, 0.25, 0.5, 0.75, 1].map((part) => top * part).filter(Number.isInteger).map((rows) => [
        h("line", { class: "grid", x1: MARGIN.left, x2: MARGIN.left + inner, y1: y(rows), y2: y(rows) }),
        h("text", { class: "label end", x: MARGIN.left - 8, y: y(rows) + 4 }, shortCount(rows)),
      ]),
      shown.map((run, index) => bar(run, x(index), place, y)),
      labels(shown, x, place)));
}

function total(run) {
  return KINDS.reduce((sum, kind) => sum + (run.progress?.[kind] ?? 0), 0);
}

/** The next number that is easily cut in quarters. */
function niceTop(most) {
  if (most <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 6, 8, 10].map((step) => step * power).find((top) => top >= most);
}

function bar(run, left, place, y) {
  const gap = Math.min(6, place * 0.25);
  const isFailed = run.status === "failed" || run.status === "lost";
  let below = 0;
  const parts = KINDS.filter((kind) => run.progress?.[kind]).map((kind) => {
    const from = below;
    below += run.progress[kind];
    const height = Math.max(1, y(from) - y(below) - (from ? 1 : 0));
    return h("rect", { class: kind, x: left + gap / 2, width: place - gap, y: y(below), height });
  });
  const middle = left + place / 2;
  const foot = y(below) - 9;
  return h("g", { key: run.id, class: run.status === "running" ? "run live" : "run" },
    h("title", null, describe(run)),
    h("rect", { class: "touch", x: left, width: place, y: MARGIN.top, height: HEIGHT - MARGIN.top - MARGIN.bottom }),
    below === 0 && !isFailed && h("rect", { class: "nothing", x: left + gap / 2, width: place - gap, y: y(0) - 2, height: 2 }),
    parts,
    isFailed && h("path", { class: "failed", d: `M${middle - 4} ${foot - 4}l8 8m0 -8l-8 8` }));
}

function describe(run) {
  const rows = KINDS.map((kind) => `${count(run.progress?.[kind] ?? 0)} ${kind}`).join(", ");
  return `${clockTime(run.started_at)}, ${run.status}: ${rows}`;
}

function labels(runs, x, place) {
  const each = Math.max(1, Math.ceil(LABEL / place));
  const end = x(runs.length);
  return runs.map((run, index) => {
    const middle = x(index) + place / 2;
    if (index % each !== 0 || (index > 0 && middle + LABEL / 3 > end + MARGIN.right)) return null;
    const foot = HEIGHT - MARGIN.bottom;
    return [
      h("line", { class: "tick", x1: middle, x2: middle, y1: foot, y2: foot + 5 }),
      h("text", { class: "label middle", x: middle, y: foot + 20 }, clockTime(run.started_at)),
    ];
  });
}

function legend(runs) {
  const marks = KINDS.map((kind) => h("span", { class: `key ${kind}` }, kind));
  const hasFailed = runs.some((run) => run.status === "failed" || run.status === "lost");
  return [marks, hasFailed && h("span", { class: "key failed" }, "failed")];
}

function inWords(runs) {
  const sums = KINDS.map((kind) => `${count(runs.reduce((sum, run) => sum + (run.progress?.[kind] ?? 0), 0))} ${kind}`);
  const failed = runs.filter((run) => run.status === "failed" || run.status === "lost").length;
  return `Rows of the latest ${runs.length} runs: ${sums.join(", ")}; ${failed} failed. The table of runs has each.`;
}
