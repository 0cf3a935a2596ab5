// The look of trends: colours are those of the page.
const STYLE = `
.gb-trend { margin: 0; min-width: 0; background: var(--gb-panel); border: 1px solid var(--gb-line);
  border-radius: var(--gb-radius, 6px); padding: 8px 10px; break-inside: avoid; }
.gb-trend-head { display: flex; gap: 8px 16px; flex-wrap: wrap; align-items: baseline; font-weight: 600; min-height: 24px; }
.gb-trend-tools { display: flex; gap: 4px; flex-wrap: wrap; margin: 4px 0; }
.gb-trend-tools .gb-button { min-width: var(--gb-target, 48px); min-height: var(--gb-target, 48px); }
.gb-trend-box { width: 100%; min-height: 60px; }
.gb-trend-legend { list-style: none; padding: 0; margin: 4px 0 0; display: flex; flex-wrap: wrap; gap: 2px 18px; font-size: .9rem; }
.gb-trend-legend li { display: flex; gap: 6px; align-items: center; }
.gb-trend-value { font-variant-numeric: tabular-nums; }
.gb-trend-table summary { min-height: var(--gb-target, 48px); display: flex; align-items: center; cursor: pointer; }
.gb-trend-table .gb-table-box { max-height: 420px; overflow: auto; }
.gb-trend .u-select { background: var(--gb-accent-soft, #8884); opacity: .6; }
.gb-trend .u-cursor-x, .gb-trend .u-cursor-y { border-color: var(--gb-soft); }
@media print { .gb-trend-tools, .gb-trend-table { display: none; } }`;

let ready;
/** Resolves once the style sheets are there. */
export function styled(folder) {
  ready ??= new Promise((done) => {
    const own = document.createElement("style");
    own.textContent = STYLE;
    document.head.append(own);
    const sheet = document.createElement("link");
    sheet.rel = "stylesheet"; sheet.href = `${folder}/uPlot.min.css`;
    sheet.onload = sheet.onerror = done;
    document.head.append(sheet);
  });
  return ready;
}
