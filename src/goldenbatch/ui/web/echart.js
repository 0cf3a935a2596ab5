// A chart to act on (ECharts): colours from the CSS variables, redrawn when they change.
// Tooltips are drawn on the canvas, so that stored text never becomes HTML; no option is code.
import { echarts } from "nicegui-echart";

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const PRINT = { "--gb-ink": "#000", "--gb-soft": "#333", "--gb-line": "#999", "--gb-panel": "#fff",
  "--gb-chart-1": "#00559e", "--gb-chart-2": "#b45309", "--gb-chart-3": "#0f766e",
  "--gb-chart-4": "#7e22ce", "--gb-chart-5": "#be185d", "--gb-chart-6": "#4d7c0f",
  "--gb-good": "#14663a", "--gb-warn": "#7a4a00", "--gb-bad": "#a3162a", "--gb-accent": "#00559e" };

function themed(colour) {
  const [ink, soft, line] = ["--gb-ink", "--gb-soft", "--gb-line"].map(colour);
  const axis = {
    axisLine: { lineStyle: { color: soft } }, axisTick: { lineStyle: { color: soft } },
    axisLabel: { color: ink }, nameTextStyle: { color: ink }, splitLine: { lineStyle: { color: line } },
    splitArea: { show: false },
  };
  return {
    color: [1, 2, 3, 4, 5, 6].map((n) => colour(`--gb-chart-${n}`)), backgroundColor: "transparent",
    textStyle: { color: ink, fontFamily: "inherit" }, title: { textStyle: { color: ink } },
    legend: { textStyle: { color: ink }, pageTextStyle: { color: ink }, inactiveColor: soft },
    categoryAxis: axis, valueAxis: axis, logAxis: axis, timeAxis: axis,
    tooltip: { backgroundColor: colour("--gb-panel"), borderColor: soft, textStyle: { color: ink } },
    visualMap: { textStyle: { color: ink } }, label: { color: ink },
    dataZoom: { textStyle: { color: ink }, borderColor: line },
  };
}

// "var(--gb-bad)" anywhere in the options is the colour of that variable.
function coloured(value, colour) {
  if (Array.isArray(value)) return value.map((one) => coloured(one, colour));
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([k, one]) => [k, coloured(one, colour)]));
  const found = typeof value === "string" && /^var\((--gb-[a-z0-9-]+)\)$/.exec(value);
  return found ? colour(found[1]) : value;
}

export default {
  template: `<div class="gb-chart-canvas" role="img" :aria-label="label" :tabindex="points.length ? 0 : undefined"
    @keydown="key"></div>`,
  props: { options: Object, label: String, points: Array },
  mounted() {
    this.draw();
    this.resizing = new ResizeObserver(() => this.chart?.resize());
    this.resizing.observe(this.$el);
    this.theming = new MutationObserver(() => this.draw());
    this.theming.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "class"] });
    this.before = () => this.draw((name) => PRINT[name] || css(name));
    this.after = () => this.draw();
    window.addEventListener("beforeprint", this.before);
    window.addEventListener("afterprint", this.after);
  },
  beforeUnmount() {
    this.resizing?.disconnect(); this.theming?.disconnect(); this.chart?.dispose();
    window.removeEventListener("beforeprint", this.before);
    window.removeEventListener("afterprint", this.after);
  },
  methods: {
    draw(colour = css) {
      this.chart?.dispose();
      this.chart = echarts.init(this.$el, themed(colour), { renderer: "canvas" });
      this.chart.on("click", (e) => this.$emit("pick", {
        series: e.seriesName ?? "", index: e.dataIndex ?? -1, name: e.name ?? "", value: e.value ?? null,
        part: e.componentType }));
      this.show(colour);
    },
    show(colour = css) {
      const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.chart.setOption({ ...coloured(this.options, colour),
        ...(still ? { animation: false } : {}) }, { notMerge: true });
    },
    update_chart() { if (this.chart) this.$nextTick(() => this.show()); },
    // Arrows walk over the points of `points`; Enter picks the one that is told.
    key(event) {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step && this.points.length) {
        const n = this.points.length;
        this.at = this.at === undefined ? (step > 0 ? 0 : n - 1) : (this.at + step + n) % n;
        const point = this.points[this.at];
        this.chart.dispatchAction({ type: "downplay" });
        this.chart.dispatchAction({ type: "highlight", seriesName: point.series, dataIndex: point.index });
        this.chart.dispatchAction({ type: "showTip", seriesIndex: point.seriesIndex, dataIndex: point.index });
        this.$emit("walk", point);
        event.preventDefault();
      } else if (event.key === "Enter" && this.at !== undefined) {
        this.$emit("pick", { ...this.points[this.at], part: "series" });
      }
    },
  },
};
