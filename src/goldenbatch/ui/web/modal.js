// A dialog of the browser's own: it keeps the focus inside, closes by Escape, and gives the focus
// back. What is entered in it is sent once and kept nowhere.
export default {
  template: `<dialog class="gb-dialog" ref="dialog" :aria-labelledby="labelledby" @cancel.prevent="$emit('gave-up')"
    @submit.prevent="send" @click="pressed"><div class="gb-dialog-body"><slot></slot></div></dialog>`,
  props: { labelledby: String, options: Object },
  emits: ["gave-up", "given", "answered", "failed"],
  mounted() {
    this.opener = document.activeElement;
    this.$refs.dialog.showModal();
    this.first();
  },
  beforeUnmount() {
    this.$refs.dialog?.close();
    if (this.opener?.isConnected) this.opener.focus();
  },
  methods: {
    first() {
      this.$nextTick(() => {
        const dialog = this.$refs.dialog;
        (dialog?.querySelector("[data-gb-first]") || dialog?.querySelector("input, button"))?.focus();
      });
    },
    send(event) {
      const given = Object.fromEntries(new FormData(event.target));
      for (const one of event.target.querySelectorAll("[data-gb-secret]")) one.value = "";
      this.$emit("given", given);
    },
    async pressed(event) {
      if (!event.target.closest("[data-gb-authenticate]")) return;
      try {
        const wanted = PublicKeyCredential.parseRequestOptionsFromJSON(this.options);
        const answer = await navigator.credentials.get({ publicKey: wanted });
        this.$emit("answered", answer.toJSON());
      } catch (error) {
        this.$emit("failed", { name: String(error.name) });
      }
    },
  },
};
