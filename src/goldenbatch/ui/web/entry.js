// A form whose entries outlive a reload, the end of a session and a restart: what is typed is kept
// in this browser, by person and form, until it is sent, discarded, or they log out.
const AGE_MS = 7 * 24 * 3600 * 1000;
export default {
  template: `<form class="gb-form" novalidate ref="form" @submit.prevent="send" @input="keep" @change="keep"><slot></slot></form>`,
  props: { draft: String },
  emits: ["given", "restored", "busy"],
  mounted() {
    this.$nextTick(() => this.restore());
  },
  methods: {
    fields() {
      return [...this.$refs.form.elements].filter((one) => one.name);
    },
    values() {
      const found = {};
      for (const one of this.fields()) found[one.name] = one.type === "checkbox" ? one.checked : one.value;
      return found;
    },
    keep() {
      if (!this.dirty) this.$emit("busy", true);
      this.dirty = true;
      const kept = this.values();
      for (const one of this.fields()) if (one.type === "password") delete kept[one.name];
      try {
        localStorage.setItem(this.draft, JSON.stringify({ at: Date.now(), values: kept }));
      } catch { /* storage is full or off: the form works, it only does not outlive a reload */ }
    },
    restore() {
      let found = null;
      try {
        found = JSON.parse(localStorage.getItem(this.draft));
      } catch { /* not ours */ }
      if (!found?.values) return;
      if (Date.now() - found.at > AGE_MS) return localStorage.removeItem(this.draft);
      for (const one of this.fields()) {
        if (!(one.name in found.values) || one.type === "password") continue;
        if (one.type === "checkbox") one.checked = Boolean(found.values[one.name]);
        else one.value = String(found.values[one.name]);
      }
      this.dirty = true;
      this.$emit("busy", true);
      this.$emit("restored", found.at);
    },
    send() {
      this.$emit("given", this.values());
    },
    done() {
      localStorage.removeItem(this.draft);
      this.dirty = false;
      this.$refs.form?.reset();
      this.$emit("busy", false);
    },
    point(name) {
      this.$nextTick(() => this.$refs.form?.querySelector(name)?.focus());
    },
  },
};
