// Asks the browser for a new credential of a security key, and hands its answer on in the form.
(() => {
  const place = document.querySelector("[data-gb-enrol]");
  if (!place) return;
  const form = place.querySelector("form");
  const failed = document.querySelector("[data-gb-failed]");
  const bytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (one) => one.charCodeAt(0));
  };
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  form.addEventListener("submit", async (event) => {
    if (form.elements.response.value) return;
    event.preventDefault();
    failed.hidden = true;
    try {
      const options = JSON.parse(place.dataset.gbEnrol);
      options.challenge = bytes(options.challenge);
      options.user.id = bytes(options.user.id);
      options.excludeCredentials = (options.excludeCredentials || [])
        .map((one) => ({ ...one, id: bytes(one.id) }));
      const made = await navigator.credentials.create({ publicKey: options });
      form.elements.response.value = JSON.stringify({
        id: made.id, rawId: text(made.rawId), type: made.type,
        authenticatorAttachment: made.authenticatorAttachment,
        clientExtensionResults: made.getClientExtensionResults(),
        response: {
          clientDataJSON: text(made.response.clientDataJSON),
          attestationObject: text(made.response.attestationObject),
          transports: made.response.getTransports ? made.response.getTransports() : [],
        },
      });
      form.submit();
    } catch {
      failed.hidden = false;
    }
  });
})();
