// Plays the recording of a line: machines with their states (by text, shape and pattern, not colour
// alone), buffers that fill, lots or vials that move. One clock for all layouts. SVG, so that text
// stays text; nothing here parses HTML. With reduced motion nothing glides: it jumps.
const NS = "http://www.w3.org/2000/svg";
const W = 132, GAP = 26, MACHINE = 72, TOP = 34, BUFFER = 74;
// A shape for each state, drawn about (0, 0) in a box of 16.
const SHAPES = {
  busy: "M-6,-7 L7,0 L-6,7 Z", blocked: "M-7,-7 H7 V7 H-7 Z", starved: "M0,-7 L7,0 L0,7 L-7,0 Z",
  down: "M-7,-4 L-4,-7 L0,-3 L4,-7 L7,-4 L3,0 L7,4 L4,7 L0,3 L-4,7 L-7,4 L-3,0 Z",
  cleaning: "M0,-8 C5,-2 7,1 7,3 A7,6 0 0 1 -7,3 C-7,1 -5,-2 0,-8 Z",
  changeover: "M-7,-2 H2 V-6 L7,0 L2,6 V2 H-7 Z",
  "waiting for people": "M-3,-7 H3 V-1 H-3 Z M-7,7 L-4,1 H4 L7,7 Z",
  "waiting for quality": "M-2,-7 H2 V-2 L7,7 H-7 L-2,-2 Z",
};
const TONE = { busy: "good", down: "bad", blocked: "warn" };

// Last index whose time is not after t (-1: none), by halving.
function before(times, t) {
  let low = 0, high = times.length;
  while (low < high) { const mid = (low + high) >> 1; if (times[mid] <= t) low = mid + 1; else high = mid; }
  return low - 1;
}
function make(tag, parent, attributes = {}, text) {
  const made = document.createElementNS(NS, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.appendChild(made);
  return made;
}
const short = (text, n) => (text.length > n ? text.slice(0, n - 1) + "…" : text);

// One layout: lays its places out once, then shows any moment.
class Layout {
  constructor(box, one, recording, words) {
    Object.assign(this, { one, recording, words, machines: {}, buffers: {}, tokens: {} });
    const most = Math.max(...one.columns.map((c) => (c.machines ? c.machines.length : 1)));
    this.height = TOP + Math.max(most * (MACHINE + 12), 150) + 26;
    this.width = one.columns.reduce((sum, c) => sum + (c.kind === "unit" ? W : BUFFER) + GAP, GAP) + 120;
    this.svg = make("svg", box, { viewBox: `0 0 ${this.width} ${this.height}`, role: "img", class: "gb-line", style: `max-width:${this.width * 1.25}px` });
    this.title = make("title", this.svg);
    let x = GAP;
    for (const column of one.columns) {
      const width = column.kind === "unit" ? W : BUFFER;
      if (column.kind === "unit") this.unit(column, x); else this.buffer(column, x);
      make("path", this.svg, { d: `M${x + width + 3},${TOP + 60} h${GAP - 8} m-6,-5 l6,5 l-6,5`, class: "gb-line-flow" });
      x += width + GAP;
    }
    make("text", this.svg, { x: x + 4, y: TOP + 48, class: "gb-line-soft" }, words.finished);
    this.count = make("text", this.svg, { x: x + 4, y: TOP + 74, class: "gb-line-count" }, "0");
    this.out = { x: x + 40, y: TOP + 110 };
    this.moves = make("g", this.svg);
    if (recording.kind === "lots") this.lotsBefore();
  }
  unit(column, x) {
    make("text", this.svg, { x, y: 20, class: "gb-line-head" }, short(column.name, 18));
    column.machines.forEach((name, k) => {
      const y = TOP + k * (MACHINE + 12);
      const group = make("g", this.svg, { transform: `translate(${x},${y})` });
      const frame = make("rect", group, { width: W, height: MACHINE, rx: 6, class: "gb-line-machine" });
      const shape = make("path", group, { transform: "translate(16,18)", class: "gb-line-shape" });
      const state = make("text", group, { x: 30, y: 22, class: "gb-line-state" });
      if (column.machines.length > 1) make("text", group, { x: W - 6, y: MACHINE - 6, "text-anchor": "end", class: "gb-line-soft" }, short(name, 14));
      this.machines[name] = { frame, shape, state, x: x + W / 2 - 30, y: y + 42 };
    });
  }
  buffer(column, x) {
    make("text", this.svg, { x, y: 20, class: "gb-line-soft" }, short(column.name, 12));
    const h = 120;
    make("rect", this.svg, { x: x + 14, y: TOP, width: BUFFER - 28, height: h, class: "gb-line-buffer" });
    const fill = make("rect", this.svg, { x: x + 14, y: TOP + h, width: BUFFER - 28, height: 0, class: "gb-line-fill" });
    const label = make("text", this.svg, { x: x + BUFFER / 2, y: TOP + h + 18, "text-anchor": "middle", class: "gb-line-state" });
    const levels = this.one.levels[column.name] || { t: [0], n: [0] };
    const scale = column.capacity || Math.max(1, ...levels.n);
    this.buffers[column.name] = { fill, label, levels, scale, capacity: column.capacity, h, x: x + BUFFER / 2, y: TOP + h - 14 };
  }
  // Where each lot is from which move on: for each lot its own moves.
  lotsBefore() {
    this.ways = new Map();
    for (const [t, lot, place] of this.one.lots) {
      if (!this.ways.has(lot)) this.ways.set(lot, { t: [], place: [] });
      const way = this.ways.get(lot); way.t.push(t); way.place.push(place);
    }
  }
  show(t, still) {
    const said = [];
    for (const [name, box] of Object.entries(this.machines)) {
      const track = this.one.tracks[name], k = before(track.t, t);
      const state = k < 0 ? "starved" : this.recording.states[track.s[k]];
      if (box.shown !== state) {
        box.shown = state;
        box.shape.setAttribute("d", SHAPES[state] || "");
        box.state.textContent = short(this.words[state] || state, 16);
        box.frame.setAttribute("class", `gb-line-machine gb-line-${TONE[state] || "idle"}`);
      }
      said.push(`${name}: ${this.words[state] || state}`);
    }
    for (const [name, box] of Object.entries(this.buffers)) {
      const k = before(box.levels.t, t), n = k < 0 ? 0 : box.levels.n[k];
      const height = box.h * Math.min(1, n / box.scale);
      box.fill.setAttribute("height", height); box.fill.setAttribute("y", TOP + box.h - height);
      box.label.textContent = box.capacity ? `${n} ${this.words.of} ${box.capacity}` : `${n}`;
      said.push(`${name}: ${n}`);
    }
    const k = before(this.one.finished.t, t), done = k < 0 ? 0 : this.one.finished.n[k];
    this.count.textContent = `${done} ${this.words[this.recording.kind]}`;
    this.title.textContent = `${this.one.name}. ${said.join(", ")}. ${done} ${this.words.finished}.`;
    if (this.ways) this.showLots(t, still); else this.showVials(t, still);
  }
  showLots(t, still) {
    const inside = {};
    for (const [lot, way] of this.ways) {
      const k = before(way.t, t);
      const place = k < 0 ? "" : way.place[k];
      let token = this.tokens[lot];
      if (k < 0 || !place) {
        if (token) { token.remove(); delete this.tokens[lot]; }
        continue;
      }
      const spot = this.machines[place] || this.buffers[place];
      if (!spot) continue;
      if (!token) {
        token = this.tokens[lot] = make("g", this.moves, { class: still ? "gb-line-token" : "gb-line-token gb-line-glides" });
        make("rect", token, { x: -4, y: -11, width: 68, height: 18, rx: 9 });
        make("text", token, { x: 30, y: 3, "text-anchor": "middle" }, short(lot, 10));
      }
      const n = (inside[place] = (inside[place] || 0) + 1) - 1;
      const lift = this.buffers[place] ? -n * 20 : 0, x = this.buffers[place] ? spot.x - 30 : spot.x;
      token.style.transform = `translate(${x}px,${spot.y + lift}px)`;
    }
  }
  // Vials are too many to draw each: small circles run behind what flows, faster where more does.
  showVials(t, still) {
    const names = Object.keys(this.machines);
    if (!this.dots) this.dots = names.map((name) => [0, 1, 2].map(() => make("circle", this.moves, { r: 4, class: "gb-line-dot" })));
    names.forEach((name, k) => {
      const box = this.machines[name], works = box.shown === "busy";
      this.dots[k].forEach((dot, i) => {
        const share = works && !still ? ((t * 3 + i / 3) % 1) : i / 3 + 0.15;
        dot.setAttribute("cx", box.x - 28 + share * (W - 20)); dot.setAttribute("cy", box.y);
        dot.setAttribute("opacity", works ? 1 : 0.25);
      });
    });
  }
}

export default {
  template: `<div class="gb-player" ref="player" tabindex="0" @keydown="key" :aria-label="words.picture + '. ' + words.keys" role="group">
    <div class="gb-row gb-noprint">
      <button type="button" class="gb-button gb-button-main" @click="toggle">{{ playing ? words.pause : words.play }}</button>
      <button type="button" class="gb-button" @click="step">{{ words.step }}</button>
      <button type="button" class="gb-button" @click="seek(0)">{{ words.back }}</button>
      <label class="gb-row">{{ words.speed }}
        <select class="gb-input" v-model.number="speed"><option v-for="n in speeds" :key="n" :value="n">{{ n }}×</option></select></label>
    </div>
    <label class="gb-row">{{ words.time }}
      <input class="gb-grow" type="range" min="0" :max="end" :step="end / 2000" :value="now" @input="seek(+$event.target.value)"
        :aria-valuetext="clock"><span class="gb-mono">{{ clock }}</span></label>
    <div v-for="(one, k) in recording.scenarios" :key="k"><h3 class="gb-h3">{{ one.name }}</h3><div class="gb-line-box" ref="boxes"></div></div>
    <p class="gb-note" aria-live="polite">{{ said }}</p>
  </div>`,
  props: { recording: Object, words: Object },
  data() {
    return { playing: false, now: 0, speed: 1, speeds: [0.25, 0.5, 1, 2, 4, 8], said: "" };
  },
  computed: {
    end() { return Math.max(...this.recording.scenarios.map((one) => one.end)); },
    clock() { return `${this.now.toFixed(this.end > 1000 ? 0 : 1)} ${this.recording.time_unit}`; },
  },
  mounted() {
    this.still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.layouts = this.recording.scenarios.map((one, k) => new Layout(this.$refs.boxes[k], one, this.recording, this.words));
    // All moments at which anything changes, for steps.
    const all = new Set();
    for (const one of this.recording.scenarios) {
      for (const track of Object.values(one.tracks)) track.t.forEach((t) => all.add(t));
      one.lots.forEach(([t]) => all.add(t)); one.notes.forEach(([t]) => all.add(t));
    }
    this.changes = [...all].sort((a, b) => a - b);
    this.draw();
  },
  beforeUnmount() { cancelAnimationFrame(this.frame); },
  methods: {
    draw() { for (const one of this.layouts) one.show(this.now, this.still || !this.playing); },
    toggle() {
      this.playing = !this.playing;
      if (this.playing) {
        if (this.now >= this.end) this.now = 0;
        this.last = undefined;
        this.frame = requestAnimationFrame(this.tick);
      } else { cancelAnimationFrame(this.frame); this.tell(); }
    },
    // The whole recording takes two minutes at 1x; with reduced motion it jumps twice a second.
    tick(at) {
      if (!this.playing) return;
      const since = this.last === undefined ? 0 : at - this.last;
      if (!this.still || this.last === undefined || since >= 500) {
        this.now = Math.min(this.end, this.now + (since / 1000) * this.speed * (this.end / 120));
        this.last = at;
        this.draw();
      }
      if (this.now >= this.end) { this.playing = false; this.tell(); return; }
      this.frame = requestAnimationFrame(this.tick);
    },
    step() {
      const k = before(this.changes, this.now);
      if (k + 1 < this.changes.length) this.seek(this.changes[k + 1], true);
    },
    seek(t, tells = false) { this.now = Math.min(this.end, t); this.draw(); if (tells) this.tell(); },
    tell() {
      const notes = [];
      for (const one of this.recording.scenarios) {
        const k = before(one.notes.map(([t]) => t), this.now);
        if (k >= 0) notes.push(`${one.name}: ${one.notes[k][1]}`);
      }
      this.said = `${this.words.time} ${this.clock}. ` + (notes.length ? `${this.words.latest}: ${notes.join("; ")}` : "");
    },
    key(event) {
      if (["INPUT", "SELECT", "BUTTON"].includes(event.target.tagName)) return;
      if (event.key === " ") this.toggle();
      else if (event.key === "ArrowRight") this.step();
      else if (event.key === "Home") this.seek(0, true);
      else return;
      event.preventDefault();
    },
  },
};
