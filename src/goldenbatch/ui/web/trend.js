// Signals over time (uPlot): drawn from one window of history, then pushed to once a second.
import uPlot from "goldenbatch-uplot/uPlot.esm.js";
import { append, decode, facts, fill, forget, line, local, text } from "goldenbatch-plots/data.js";
import { options, palette, swatch } from "goldenbatch-plots/draw.js";
import { styled } from "goldenbatch-plots/style.js";

const KEEP = 20000;
const TELL_MS = 15000;

export default {
  template: `<figure class="gb-trend" :class="{'gb-trend-small': payload.tools === 'none'}">
    <figcaption class="gb-trend-head"><a v-if="payload.link" :href="payload.link" class="gb-link">{{payload.title}}</a>
      <span v-else class="gb-trend-title">{{payload.title}}</span>
      <span v-if="busy" class="gb-note">{{words.loading}}</span></figcaption>
    <div v-if="payload.tools !== 'none'" class="gb-trend-tools" role="toolbar" :aria-label="words.tools">
      <button v-for="one in buttons" :key="one[0]" type="button" class="gb-button" :title="words[one[0]]"
        :aria-label="words[one[0]]" @click="act(one[0])">{{one[1]}}</button></div>
    <div ref="box" class="gb-trend-box" role="img" tabindex="0" :aria-label="summary" :aria-busy="busy"
      aria-keyshortcuts="ArrowLeft ArrowRight + - 0 End Enter" @keydown="key"></div>
    <ul class="gb-trend-legend"><li v-for="(one, n) in rows" :key="one.tag">
      <canvas :ref="'swatch' + n" style="width:28px;height:10px" aria-hidden="true"></canvas>
      <span>{{one.label}}</span> <strong class="gb-trend-value">{{one.value}}</strong> <span class="gb-unit">{{one.unit}}</span>
      <span v-if="one.state" class="gb-state" :class="one.tone">{{one.state}}</span></li></ul>
    <p class="gb-hidden" aria-live="polite">{{told}}</p>
    <details v-if="payload.tools !== 'none'" class="gb-trend-table" @toggle="open = $event.target.open"><summary>{{words.table}}</summary>
      <div v-if="open" class="gb-table-box" tabindex="0" role="region" :aria-label="payload.title"><table class="gb-table">
      <caption>{{payload.title}} · {{table.note}}</caption>
      <thead><tr><th scope="col">{{words.signal}}</th><th scope="col">{{words.time}} ({{payload.zone}})</th>
      <th scope="col">{{words.value}}</th><th scope="col">{{words.unit}}</th><th scope="col">{{words.quality}}</th></tr></thead>
      <tbody><tr v-for="row in table.rows"><td>{{row[0]}}</td><td><time :title="row[5]">{{row[1]}}</time></td>
      <td class="gb-number">{{row[2]}}</td><td>{{row[3]}}</td><td>{{row[4]}}</td></tr></tbody></table></div></details>
  </figure>`,
  props: { payload: Object, words: Object, resourcePath: String },
  data: () => ({ busy: false, summary: "", told: "", rows: [], open: false, table: { rows: [], note: "" },
    buttons: [["earlier", "◀"], ["later", "▶"], ["closer", "+"], ["wider", "−"], ["whole", "⤢"], ["now", "⇥"]] }),
  async mounted() {
    await styled(this.resourcePath);
    if (!this.$refs.box) return;
    this.take(this.payload);
    this.listen = (event) => this.push(event.detail);
    window.addEventListener("gb-live", this.listen);
    this.moved = (event) => event.detail.from !== this && event.detail.group === this.payload.group &&
      this.payload.group && this.zoom(event.detail.start, event.detail.end, true);
    window.addEventListener("gb-window", this.moved);
    this.paper = () => this.build(true);
    this.screen = () => this.build();
    window.addEventListener("beforeprint", this.paper);
    window.addEventListener("afterprint", this.screen);
    this.theming = new MutationObserver(this.screen);
    this.theming.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    this.sizing = new ResizeObserver(() => this.resize());
    this.sizing.observe(this.$refs.box);
    this.seen = new IntersectionObserver((found) => {
      this.visible = found[found.length - 1].isIntersecting;
      if (this.visible && this.dirty) this.refresh();
    });
    this.seen.observe(this.$refs.box);
  },
  beforeUnmount() {
    for (const one of [this.theming, this.sizing, this.seen]) one?.disconnect();
    for (const [name, work] of [["gb-live", this.listen], ["gb-window", this.moved],
      ["beforeprint", this.paper], ["afterprint", this.screen]]) window.removeEventListener(name, work);
    clearTimeout(this.asking);
    this.plot?.destroy();
  },
  methods: {
    take(payload) {
      const [start, end] = payload.window;
      const held = { payload, columns: payload.signals.map((one) => decode(one.data)),
        bands: payload.bands.map((one) => ({ lower: decode(one.lower), upper: decode(one.upper) })) };
      if (this.held && this.held.payload.signals.length === payload.signals.length && payload.live)
        held.columns.forEach((columns, n) => {  // what was pushed while the window was being read
          const old = this.held.columns[n], last = columns.t[columns.t.length - 1] ?? start;
          append(columns, old.t.flatMap((t, i) => (t > last && t <= end ? [[t, old.v[i], old.q[i]]] : [])), payload.signals[n].gap);
        });
      held.range = [start / 1e6, end / 1e6];
      if (!this.held) { this.first = [start, end]; this.follow = payload.live; }
      this.held = held;
      this.build();
    },
    build(is_paper = false) {
      const box = this.$refs.box;
      if (!this.held || !box) return;
      this.held.colour = palette(is_paper);
      this.plot?.destroy();
      const size = { width: Math.max(box.clientWidth, 200), height: this.payload.height };
      this.plot = new uPlot(options(this.held, size, { setSelect: [(u) => this.picked(u)] }), this.aligned(), box);
      this.touch(this.plot.over);
      this.plot.over.addEventListener("dblclick", () => this.act("whole"));
      this.plot.over.addEventListener("click", () => this.choose(this.plot.cursor.left));
      this.tell();
      this.$nextTick(() => this.held.payload.signals.forEach((one, n) => {
        const found = this.$refs[`swatch${n}`]?.[0];
        if (found) swatch(found, n, one, this.held.colour);
      }));
      box.dataset.painted = String(performance.now());
    },
    resize() {
      const width = this.$refs.box?.clientWidth;
      if (this.plot && width && width !== this.plot.width) this.plot.setSize({ width, height: this.payload.height });
    },
    aligned() {
      const sides = this.held.bands.flatMap((one) => [line(one.lower), line(one.upper)]);
      return uPlot.join([...this.held.columns.map(line), ...sides]);
    },
    refresh() {
      this.dirty = false;
      this.plot?.setData(this.aligned());
      this.tell();
    },
    // detail: {points: {tag: [[time, value, quality]...]}, now}
    push({ points, now }) {
      if (!this.held?.payload.live) return;
      let changed = false;
      const [from, to] = this.held.range.map((one) => one * 1e6);
      this.held.payload.signals.forEach((one, n) => {
        const rows = points[one.tag];
        if (!rows) return;
        changed = append(this.held.columns[n], rows, one.gap) || changed;
        if (this.held.columns[n].t.length > KEEP) forget(this.held.columns[n], from);
      });
      if (this.follow && now > to) {
        this.held.range = [(now - (to - from)) / 1e6, now / 1e6];
        this.held.columns.forEach((one) => forget(one, now - (to - from)));
        changed = true;
      }
      if (!changed) return;
      if (this.visible === false) this.dirty = true;
      else this.refresh();
    },
    zoom(start, end, is_told = false) {
      const least = 1e6;
      if (end - start < least) end = start + least;
      this.held.range = [start / 1e6, end / 1e6];
      this.follow = this.payload.live && end >= this.newest();
      this.plot.setScale("x", { min: start / 1e6, max: end / 1e6 });
      if (!is_told && this.payload.group)
        window.dispatchEvent(new CustomEvent("gb-window", { detail: { from: this, group: this.payload.group, start, end } }));
      clearTimeout(this.asking);
      this.asking = setTimeout(() => {
        this.busy = true;
        this.$emit("window", { start: Math.round(start), end: Math.round(end),
          n: Math.max(400, 4 * Math.round(this.plot.bbox.width / (window.devicePixelRatio || 1))) });
      }, 200);
    },
    set(payload) {
      this.busy = false;
      const [start, end] = this.held.range.map((one) => Math.round(one * 1e6));
      const [from, to] = payload.window;
      if (!this.follow && (Math.abs(from - start) > 2 || Math.abs(to - end) > 2)) return; // it is another one by now
      this.take({ ...this.payload, ...payload });
    },
    failed() { this.busy = false; },
    newest() { return Math.max(...this.held.columns.map((one) => one.t[one.t.length - 1] ?? 0)); },
    picked(u) {
      if (u.select.width < 4) return;
      const start = u.posToVal(u.select.left, "x") * 1e6, end = u.posToVal(u.select.left + u.select.width, "x") * 1e6;
      u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      this.moved_at = performance.now();
      this.zoom(start, end);
    },
    choose(left) {
      if (performance.now() - (this.moved_at ?? -1e9) < 400 || left < 0) return;
      this.$emit("pick", { time: Math.round(this.plot.posToVal(left, "x") * 1e6), ...this.nearest(left) });
    },
    nearest(left) {
      const at = this.plot.posToVal(left, "x") * 1e6;
      let best = { tag: "", at: null };
      this.held.columns.forEach((one, n) => one.t.forEach((t) => {
        if (best.at === null || Math.abs(t - at) < Math.abs(best.at - at)) best = { tag: this.held.payload.signals[n].tag, at: t };
      }));
      return best;
    },
    act(name) {
      const [start, end] = this.held.range.map((one) => one * 1e6), span = end - start, middle = (start + end) / 2;
      if (name === "earlier") this.zoom(start - span / 4, end - span / 4);
      if (name === "later") this.zoom(start + span / 4, end + span / 4);
      if (name === "closer") this.zoom(middle - span / 4, middle + span / 4);
      if (name === "wider") this.zoom(middle - span, middle + span);
      if (name === "whole") this.zoom(...this.first);
      if (name === "now") { const now = Math.max(this.newest(), this.first[1] - span); this.zoom(now - span, now); this.follow = this.payload.live; }
    },
    key(event) {
      const name = { ArrowLeft: "earlier", ArrowRight: "later", "+": "closer", "=": "closer", "-": "wider", 0: "whole", End: "now" }[event.key];
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.shiftKey && /^Arrow(Left|Right)$/.test(event.key)) this.walk(event.key === "ArrowRight" ? 1 : -1);
      else if (name) this.act(name);
      else if (event.key === "Enter") this.choose(this.plot.cursor.left >= 0 ? this.plot.cursor.left : this.plot.over.clientWidth / 2);
      else return;
      event.preventDefault();
    },
    walk(step) {  // from reading to reading of the first signal, read out
      const columns = this.held.columns[0], [from, to] = this.held.range;
      const n = columns.t.length;
      if (!n) return;
      let i = Math.min(Math.max((this.at ?? (step > 0 ? -1 : n)) + step, 0), n - 1);
      while (columns.t[i] / 1e6 < from && i < n - 1) i++;
      while (columns.t[i] / 1e6 > to && i > 0) i--;
      this.at = i;
      const one = this.held.payload.signals[0], x = this.plot.valToPos(columns.t[i] / 1e6, "x");
      this.plot.setCursor({ left: x, top: columns.v[i] === null ? 0 : this.plot.valToPos(columns.v[i], `y:${one.unit}`) });
      this.told = `${local(columns.t[i], this.payload.zone)}: ${text(columns.v[i])} ${one.unit}, ${this.words.qualities[columns.q[i]]}`;
    },
    touch(over) {
      const held = new Map();
      let begin = null;
      over.style.touchAction = "pan-y pinch-zoom";
      over.addEventListener("touchstart", (event) => {
        for (const one of event.changedTouches) held.set(one.identifier, one.clientX);
        begin = { range: [...this.held.range], at: [...held.values()] };
      }, { passive: true });
      over.addEventListener("touchmove", (event) => {
        for (const one of event.changedTouches) held.set(one.identifier, one.clientX);
        if (!begin || begin.at.length !== held.size) return;
        const [from, to] = begin.range, width = over.clientWidth || 1, at = [...held.values()];
        const per = (to - from) / width;
        if (at.length === 1) this.zoom((from - (at[0] - begin.at[0]) * per) * 1e6, (to - (at[0] - begin.at[0]) * per) * 1e6);
        else {
          const left = over.getBoundingClientRect().left, grown = Math.abs(begin.at[0] - begin.at[1]) / Math.max(20, Math.abs(at[0] - at[1]));
          const centre = from + ((begin.at[0] + begin.at[1]) / 2 - left) * per;
          this.zoom((centre - (centre - from) * grown) * 1e6, (centre + (to - centre) * grown) * 1e6);
        }
        this.moved_at = performance.now();
      }, { passive: true });
      const lift = (event) => { for (const one of event.changedTouches) held.delete(one.identifier); begin = null; };
      over.addEventListener("touchend", lift); over.addEventListener("touchcancel", lift);
    },
    tell() {
      const { payload, columns, range } = this.held, [start, end] = range.map((one) => one * 1e6), parts = [];
      this.rows = payload.signals.map((one, n) => {
        const found = facts(columns[n], start, end), i = found.last, value = i === null ? null : columns[n].v[i];
        const state = i === null ? ["", ""] : this.judged(one, value, columns[n].q[i]);
        parts.push(i === null ? fill(this.words.none, { label: one.label }) : fill(this.words.summary, { label: one.label,
          value: text(value), unit: one.unit, time: local(columns[n].t[i], payload.zone), low: text(found.low),
          high: text(found.high), bad: found.n_bad, gaps: found.n_gaps }));
        return { tag: one.tag, label: one.label, unit: one.unit, value: text(value), state: state[0], tone: state[1] };
      });
      const now = Date.now(), states = this.rows.map((one) => one.state).join();
      this.summary = `${payload.title}. ${parts.join(" ")}`;
      if (this.states !== undefined && states !== this.states) this.told = this.rows.map((one) => `${one.label} ${one.value} ${one.unit} ${one.state}`).join(", ");
      else if (document.activeElement === this.$refs.box && now - (this.told_at ?? 0) > TELL_MS) { this.told = this.summary; this.told_at = now; }
      this.states = states;
      if (this.open) this.table = this.rows_of();
    },
    judged(signal, value, quality) {
      if (quality === 2 || value === null) return [this.words.qualities[2], "gb-state-bad"];
      for (const one of this.payload.levels)
        if ((!one.tag || one.tag === signal.tag) && one.unit === signal.unit && one.kind !== "target" &&
          ((one.lower !== null && value < one.lower) || (one.upper !== null && value > one.upper)))
          return [fill(this.words.beyond, { limit: one.label }), one.kind === "alert" ? "gb-state-warn" : "gb-state-bad"];
      return quality ? [this.words.qualities[1], "gb-state-warn"] : ["", ""];
    },
    rows_of() {
      const rows = [], { payload, columns, range } = this.held, [start, end] = range.map((one) => one * 1e6);
      payload.signals.forEach((one, n) => columns[n].t.forEach((t, i) => t >= start && t <= end &&
        rows.push([one.label, local(t, payload.zone), text(columns[n].v[i]), one.unit, this.words.qualities[columns[n].q[i]], `${new Date(t / 1000).toISOString()} (UTC)`])));
      const shown = rows.slice(-500).reverse();
      return { rows: shown, note: fill(this.words.shown, { n: shown.length, all: rows.length }) };
    },
  },
  watch: { open(is_open) { if (is_open) this.table = this.rows_of(); } },
};
