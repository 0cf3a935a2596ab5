// What a trend draws beside its lines: limits, spans, readings that are not good.
import uPlot from "goldenbatch-uplot/uPlot.esm.js";
import { BAD, UNCERTAIN, local, reach, runs } from "goldenbatch-plots/data.js";

const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2], [1, 4]];
const PAPER = { ink: "#000", soft: "#333", line: "#aaa", panel: "#fff", warn: "#7a4a00", bad: "#a3162a",
  good: "#14663a", accent: "#00559e", "chart-1": "#00559e", "chart-2": "#b45309", "chart-3": "#0f766e",
  "chart-4": "#7e22ce", "chart-5": "#be185d", "chart-6": "#4d7c0f" };
const TONES = { bad: "bad", warn: "warn", good: "good" };

/** Colours of now, by the names of the variables; on paper always dark on white. */
export function palette(is_paper) {
  const style = getComputedStyle(document.documentElement);
  return (name) => (is_paper && PAPER[name]) || style.getPropertyValue(`--gb-${name}`).trim() || PAPER[name] || "#777";
}

const chart_colour = (colour, n) => colour(`chart-${(n % 6) + 1}`);
const dash_of = (n) => DASHES[Math.floor(n / 6) % DASHES.length];
const px = (n) => n * (window.devicePixelRatio || 1);

/** Options of uPlot for a trend.
 * held: {payload, columns, size, colour(), hooks} */
export function options(held, size, hooks) {
  const { payload } = held, colour = held.colour;
  const units = [...new Set([...payload.signals, ...payload.bands].map((one) => one.unit))];
  const scales = { x: { time: true, range: () => held.range } };
  for (const unit of units) {
    const bounds = payload.levels.filter((one) => one.unit === unit)
      .flatMap((one) => [one.lower, one.upper]).filter((one) => one !== null);
    scales[`y:${unit}`] = { range: (_, low, high) => reach(low, high, bounds) };
  }
  return {
    ...size, scales, series: [{}, ...series(payload, colour)], bands: bands(payload, colour),
    axes: [time_axis(colour), ...units.map((unit, n) => axis(unit, n, colour))],
    tzDate: (at) => uPlot.tzDate(new Date(at * 1000), payload.zone), padding: [14, null, null, null],
    legend: { show: false }, focus: { alpha: 0.35 },
    cursor: { drag: { x: true, y: false, setScale: false }, focus: { prox: -1 },
      bind: { dblclick: () => null }, ...(payload.group ? { sync: { key: payload.group } } : {}) },
    hooks: { drawClear: [(u) => spans(u, payload, colour)],
      draw: [(u) => levels(u, payload, colour), (u) => marks(u, held, colour)], ...hooks },
  };
}

function series(payload, colour) {
  const found = payload.signals.map((one, n) => ({
    label: one.label, scale: `y:${one.unit}`, stroke: one.colour ? colour(one.colour) : chart_colour(colour, n),
    width: 1.6, dash: one.style === "dashed" ? [8, 4] : dash_of(n), spanGaps: false,
    ...(one.style === "step" ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
    ...(one.style === "points" ? { paths: () => null, points: { show: true, size: 7 } }
      : { points: { show: (u, _, from, to) => to - from < u.bbox.width / px(9), size: 5 } }),
  }));
  for (const one of payload.bands)
    for (const side of ["lower", "upper"])
      found.push({ label: `${one.label} ${side}`, scale: `y:${one.unit}`, width: 1, dash: [3, 3],
        stroke: colour(one.colour || "soft"), points: { show: false }, spanGaps: false });
  return found;
}

function bands(payload, colour) {
  const first = payload.signals.length + 1;
  return payload.bands.map((one, n) => ({
    series: [first + 2 * n + 1, first + 2 * n], fill: alpha(colour(one.colour || "soft"), 0.18) }));
}

export function alpha(colour, share) {
  const hex = /^#([0-9a-f]{6})$/i.exec(colour);
  return hex ? colour + Math.round(share * 255).toString(16).padStart(2, "0") : colour;
}

function axis(unit, n, colour) {
  return { scale: `y:${unit}`, side: n % 2 ? 1 : 3, label: unit === "1" ? "" : unit, labelSize: unit === "1" ? 0 : 18,
    labelFont: "13px system-ui, sans-serif", font: "12px system-ui, sans-serif", size: wide, labelGap: 0,
    stroke: colour("ink"), grid: { show: n === 0, stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") },
    values: (_, splits) => splits.map((one) => (one === null ? "" : String(Number(one.toPrecision(8))))) };
}

function wide(self, values, n, cycle) {
  const known = self.axes[n]._size;
  if (cycle > 1 && known) return known;
  const longest = (values ?? []).reduce((a, b) => (b.length > a.length ? b : a), "");
  return Math.max(38, 18 + longest.length * 7.5);
}

const DAY = 86400;
function time_axis(colour) {
  const day = "\n{YYYY}-{MM}-{DD}";
  return { stroke: colour("ink"), font: "12px system-ui, sans-serif", grid: { stroke: colour("line"), width: 1 },
    ticks: { stroke: colour("line") }, space: 70,
    values: [
      [365 * DAY, "{YYYY}", null, null, null, null, null, null, 1],
      [28 * DAY, "{YYYY}-{MM}", null, null, null, null, null, null, 1],
      [DAY, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
      [60, "{HH}:{mm}", day, null, day, null, null, null, 1],
      [1, "{HH}:{mm}:{ss}", day, null, day, null, null, null, 1],
      [0.001, "{ss}.{fff}", day + " {HH}:{mm}", null, day + " {HH}:{mm}", null, "\n{HH}:{mm}", null, 1],
    ] };
}

function hatch(ctx, colour, is_dense) {
  const tile = document.createElement("canvas"), n = is_dense ? 6 : 10;
  tile.width = tile.height = n;
  const pen = tile.getContext("2d");
  pen.strokeStyle = colour; pen.lineWidth = is_dense ? 2 : 1;
  pen.beginPath(); pen.moveTo(0, n); pen.lineTo(n, 0); pen.stroke();
  return ctx.createPattern(tile, "repeat");
}

function inside(u, work) {
  const { ctx, bbox } = u;
  ctx.save(); ctx.beginPath(); ctx.rect(bbox.left, bbox.top - px(14), bbox.width, bbox.height + px(14)); ctx.clip();
  work(ctx, bbox); ctx.restore();
}

function spans(u, payload, colour) {
  inside(u, (ctx, box) => {
    payload.spans.forEach((one, n) => {
      const from = u.valToPos(one.start / 1e6, "x", true);
      const to = one.end === null ? box.left + box.width : u.valToPos(one.end / 1e6, "x", true);
      if (to < box.left || from > box.left + box.width) return;
      const tone = colour(TONES[one.tone] || "soft"), left = Math.max(from, box.left);
      ctx.fillStyle = one.tone ? hatch(ctx, alpha(tone, 0.55), false) : alpha(tone, n % 2 ? 0.05 : 0.11);
      ctx.fillRect(left, one.tone ? box.top : box.top - px(14), Math.max(to - left, px(2)),
        one.tone ? px(10) : box.height + px(14));
      if (one.tone) { ctx.fillStyle = alpha(tone, 0.08); ctx.fillRect(left, box.top, Math.max(to - left, px(2)), box.height); }
      ctx.strokeStyle = tone; ctx.lineWidth = px(1); ctx.setLineDash(one.tone ? [] : [px(2), px(3)]);
      ctx.beginPath(); ctx.moveTo(from, box.top - px(14)); ctx.lineTo(from, box.top + box.height); ctx.stroke();
      label(ctx, one.label, left + px(3), box.top - px(3), to - left - px(6), colour(one.tone ? TONES[one.tone] : "ink"));
    });
  });
}

function label(ctx, words, x, y, room, colour) {
  ctx.font = `${px(11)}px system-ui, sans-serif`; ctx.textAlign = "left"; ctx.textBaseline = "alphabetic";
  ctx.fillStyle = colour;
  let shown = words;
  while (shown.length > 2 && ctx.measureText(shown).width > room) shown = `${shown.slice(0, -2)}…`;
  if (ctx.measureText(shown).width <= room) ctx.fillText(shown, x, y);
}

const LEVELS = { alert: ["warn", [6, 4], 1.2], action: ["bad", [10, 3, 2, 3], 1.4], specification: ["bad", [], 2],
  target: ["good", [2, 4], 1.2], qualified: ["soft", [], 1.4] };

function levels(u, payload, colour) {
  inside(u, (ctx, box) => {
    for (const one of payload.levels) {
      const [name, dash, width] = LEVELS[one.kind] || ["soft", [4, 4], 1];
      for (const bound of [one.lower, one.upper]) {
        if (bound === null) continue;
        const y = u.valToPos(bound, `y:${one.unit}`, true);
        if (y < box.top || y > box.top + box.height) continue;
        ctx.strokeStyle = colour(name); ctx.lineWidth = px(width); ctx.setLineDash(dash.map(px));
        ctx.beginPath(); ctx.moveTo(box.left, y); ctx.lineTo(box.left + box.width, y); ctx.stroke();
        const words = `${one.label} ${bound}`;
        ctx.font = `${px(11)}px system-ui, sans-serif`; ctx.textAlign = "right"; ctx.fillStyle = colour(name);
        ctx.fillText(words, box.left + box.width - px(4), y - px(3) < box.top + px(10) ? y + px(12) : y - px(3));
      }
    }
  });
}

// Bad readings: a cross where they stand, and a hatched strip; uncertain ones: rings and dots.
function marks(u, held, colour) {
  inside(u, (ctx, box) => {
    held.columns.forEach((columns, n) => {
      const scale = `y:${held.payload.signals[n].unit}`, bottom = box.top + box.height - px(7) * (n + 1);
      ctx.setLineDash([]);
      for (const [quality, from, to] of runs(columns)) {
        const left = u.valToPos(from / 1e6, "x", true), right = u.valToPos(to / 1e6, "x", true);
        if (right < box.left || left > box.left + box.width) continue;
        ctx.fillStyle = hatch(ctx, colour(quality === BAD ? "bad" : "warn"), quality === BAD);
        ctx.fillRect(left - px(1), bottom, Math.max(right - left, px(3)) + px(2), px(6));
      }
      let last = -1e9;
      for (let i = 0; i < columns.t.length; i++) {
        if (columns.q[i] === 0 && columns.v[i] !== null) continue;
        const x = u.valToPos(columns.t[i] / 1e6, "x", true);
        if (x - last < px(9) || x < box.left || x > box.left + box.width) continue;
        last = x;
        const y = columns.v[i] === null ? bottom + px(3) : u.valToPos(columns.v[i], scale, true);
        mark(ctx, x, y, columns.q[i] === UNCERTAIN ? null : 1, colour);
      }
    });
  });
}

function mark(ctx, x, y, is_bad, colour) {
  const r = px(4);
  ctx.strokeStyle = colour(is_bad ? "bad" : "warn"); ctx.lineWidth = px(1.6); ctx.beginPath();
  if (is_bad) { ctx.moveTo(x - r, y - r); ctx.lineTo(x + r, y + r); ctx.moveTo(x + r, y - r); ctx.lineTo(x - r, y + r); }
  else ctx.arc(x, y, r, 0, 7);
  ctx.stroke();
}

/** A small picture of a line for the legend. */
export function swatch(canvas, n, signal, colour) {
  const pen = canvas.getContext("2d"), ratio = window.devicePixelRatio || 1;
  canvas.width = 28 * ratio; canvas.height = 10 * ratio; pen.scale(ratio, ratio);
  pen.strokeStyle = signal.colour ? colour(signal.colour) : chart_colour(colour, n); pen.lineWidth = 2.4;
  pen.setLineDash(signal.style === "dashed" ? [8, 4] : dash_of(n));
  pen.beginPath(); pen.moveTo(0, 5); pen.lineTo(28, 5); pen.stroke();
}

export { local };
