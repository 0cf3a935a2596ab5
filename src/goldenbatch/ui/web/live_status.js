// One message a second for a whole page: handed to its trends and to its single values.
import { local, text } from "goldenbatch-plots/data.js";

export default {
  template: `<p class="gb-live" role="status"><span class="gb-state" :class="is_live ? 'gb-state-good' : 'gb-state-warn'">{{said}}</span>
    <span v-if="now" class="gb-note">{{words.newest}} <time :title="iso">{{newest}}</time></span></p>`,
  props: { words: Object, zone: String },
  data: () => ({ is_live: false, said: "", now: 0 }),
  created() { this.said = this.words.begins; },
  computed: {
    newest() { return local(this.now, this.zone); },
    iso() { return `${new Date(this.now / 1000).toISOString()} (UTC)`; },
  },
  methods: {
    // points: {tag: [[time, value, quality]...]}
    push(points) {
      for (const rows of Object.values(points)) for (const row of rows) if (row[0] > this.now) this.now = row[0];
      for (const place of document.querySelectorAll("[data-gb-tag]")) {
        const rows = points[place.dataset.gbTag];
        if (!rows?.length) continue;
        const [time, value, quality] = rows[rows.length - 1];
        if (time < Number(place.dataset.gbTime || 0)) continue;
        place.dataset.gbTime = time;
        place.textContent = text(value) + (quality ? ` (${this.words.qualities[quality]})` : "");
        place.classList.toggle("gb-state-bad", quality === 2);
      }
      window.dispatchEvent(new CustomEvent("gb-live", { detail: { points, now: this.now } }));
    },
    say(is_live, words) { this.is_live = is_live; this.said = words; },
  },
};
