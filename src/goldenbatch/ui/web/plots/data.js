// Readings of signals as a trend holds them; nothing here touches the page.
export const GOOD = 0, UNCERTAIN = 1, BAD = 2;

/** Columns from the wire: times as differences in microseconds, qualities as one digit each. */
export function decode(data) {
  const t = new Array(data.t.length);
  let at = 0;
  for (let i = 0; i < t.length; i++) t[i] = at += data.t[i];
  const q = Array.from(data.q, Number), broken = new Set(data.b ?? []);
  return { t, v: data.v.slice(), q, b: t.map((_, i) => broken.has(i)) };
}

/** Adds readings in the order of time; one of a time that is there replaces it. True: changed. */
export function append(columns, rows, gap) {
  let changed = false;
  for (const [time, value, quality] of rows) {
    const n = columns.t.length;
    let i = n;
    while (i > 0 && columns.t[i - 1] >= time) i--;
    const is_known = i < n && columns.t[i] === time;
    if (is_known && columns.v[i] === value && columns.q[i] === quality) continue;
    const far = gap > 0 && i > 0 && time - columns.t[i - 1] > gap;
    columns.t.splice(i, is_known ? 1 : 0, time);
    columns.v.splice(i, is_known ? 1 : 0, value);
    columns.q.splice(i, is_known ? 1 : 0, quality);
    columns.b.splice(i, is_known ? 1 : 0, is_known ? columns.b[i] : far);
    if (!is_known && i + 1 < columns.t.length)
      columns.b[i + 1] = gap > 0 && columns.t[i + 1] - time > gap;
    changed = true;
  }
  return changed;
}

/** Forgets what is older than a time, but for one reading before it. */
export function forget(columns, before) {
  let n = 0;
  while (n + 1 < columns.t.length && columns.t[n + 1] < before) n++;
  if (n) for (const name of ["t", "v", "q", "b"]) columns[name].splice(0, n);
}

/** x in seconds and y for drawing: nothing bridges a break, a missing or a bad reading. */
export function line(columns) {
  const x = [], y = [];
  for (let i = 0; i < columns.t.length; i++) {
    const at = columns.t[i] / 1e6;
    if (columns.b[i] && i) { x.push((columns.t[i - 1] / 1e6 + at) / 2); y.push(null); }
    x.push(at);
    y.push(columns.q[i] === BAD ? null : columns.v[i]);
  }
  return [x, y];
}

/** Runs of readings that are not good: [quality, first time, last time] in microseconds. */
export function runs(columns) {
  const found = [];
  for (let i = 0; i < columns.t.length; i++) {
    const quality = columns.v[i] === null ? BAD : columns.q[i];
    const last = found[found.length - 1];
    if (quality === GOOD) continue;
    if (last && last[0] === quality && last[3] === i - 1 && !columns.b[i]) { last[2] = columns.t[i]; last[3] = i; }
    else found.push([quality, columns.t[i], columns.t[i], i]);
  }
  return found.map((one) => one.slice(0, 3));
}

/** What there is of a signal in a window: counts, extremes, the newest reading. */
export function facts(columns, start, end) {
  const found = { n: 0, n_bad: 0, n_gaps: 0, low: null, high: null, last: null };
  for (let i = 0; i < columns.t.length; i++) {
    if (columns.t[i] < start || columns.t[i] > end) continue;
    const value = columns.v[i];
    found.n++;
    found.last = i;
    if (columns.b[i]) found.n_gaps++;
    if (columns.q[i] === BAD || value === null) { found.n_bad++; continue; }
    if (found.low === null || value < found.low) found.low = value;
    if (found.high === null || value > found.high) found.high = value;
  }
  return found;
}

/** A number as people read it: six digits that count, never more than there are. */
export function text(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e7 || size < 1e-4)) return value.toExponential(3);
  return String(Number(value.toPrecision(6)));
}

/** "{name} is here" filled in. */
export function fill(pattern, values) {
  return pattern.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

const FORMATS = new Map();
/** A time in microseconds in a zone: "2026-11-23 22:15:04". */
export function local(micros, zone, with_day = true) {
  const key = `${zone}${with_day}`;
  if (!FORMATS.has(key))
    FORMATS.set(key, new Intl.DateTimeFormat("sv-SE", { timeZone: zone, hour12: false,
      ...(with_day ? { year: "numeric", month: "2-digit", day: "2-digit" } : {}),
      hour: "2-digit", minute: "2-digit", second: "2-digit" }));
  return FORMATS.get(key).format(new Date(micros / 1000));
}

/** Borders of a scale: the data with some air, and the limits that are not far away. */
export function reach(low, high, bounds) {
  if (low === null || low === undefined) {
    if (!bounds.length) return [0, 1];
    low = Math.min(...bounds); high = Math.max(...bounds);
  }
  const span = Math.max(high - low, Math.abs(high) * 0.01, 1e-9);
  for (const bound of bounds) {
    if (bound < low && low - bound <= 2 * span) low = bound;
    if (bound > high && bound - high <= 2 * span) high = bound;
  }
  const air = Math.max(high - low, span) * 0.08;
  return [low - air, high + air];
}
