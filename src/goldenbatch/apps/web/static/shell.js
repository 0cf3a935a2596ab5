// What the shell does in the browser: appearance, menu, clock, time left, print head, other tabs.
// It is loaded before anything is drawn; elements come and go, so it listens at the document.
(() => {
  "use strict";
  const root = document.documentElement;
  const cookie = (name) =>
    document.cookie.split("; ").find((one) => one.startsWith(name + "="))?.slice(name.length + 1) || "";
  const wantsDark = matchMedia("(prefers-color-scheme: dark)");
  const secure = location.protocol === "https:" ? "; Secure" : "";

  function dress() {
    const chosen = cookie("goldenbatch_theme");
    const dark = chosen === "dark" || (chosen !== "light" && wantsDark.matches);
    root.dataset.theme = dark ? "dark" : "light";
    window.Quasar?.Dark?.set(dark);
    document.dispatchEvent(new CustomEvent("gb-theme", { detail: root.dataset.theme }));
  }
  dress();
  wantsDark.addEventListener("change", dress);
  addEventListener("load", dress);

  // ---- choices in the header
  document.addEventListener("change", (event) => {
    const one = event.target;
    if (one.matches?.("[data-gb-theme]")) {
      document.cookie = `goldenbatch_theme=${one.value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
      dress();
    }
    if (one.matches?.("[data-gb-submit]")) one.form.requestSubmit();
  });
  function menu(open) {
    const button = document.querySelector(".gb-menu-button");
    const top = document.querySelector(".gb-header")?.getBoundingClientRect().bottom || 84;
    root.style.setProperty("--gb-menu-top", `${top}px`);
    document.body.classList.toggle("gb-menu-open", open);
    button?.setAttribute("aria-expanded", String(open));
    if (open) document.querySelector(".gb-menu a")?.focus();
    else if (document.activeElement?.closest?.(".gb-menu")) button?.focus();
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest?.(".gb-menu-button")) menu(!document.body.classList.contains("gb-menu-open"));
    const account = document.querySelector(".gb-account[open]");
    if (account && !account.contains(event.target)) account.open = false;
    if (event.target.closest?.("[data-gb-stay]")) ask("POST", "/session/stay");
    if (event.target.closest?.("[data-gb-print]")) print();
    if (event.target.closest?.(".gb-skip")) {
      event.preventDefault();
      document.getElementById("main")?.focus();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu(false);
    const account = document.querySelector(".gb-account[open]");
    if (account) { account.open = false; account.querySelector("summary").focus(); }
  });

  // ---- clock of the site
  function tick() {
    const clock = document.querySelector("[data-gb-zone]");
    if (!clock) return;
    const text = new Intl.DateTimeFormat(root.lang || undefined, {
      timeZone: clock.dataset.gbZone, hour: "2-digit", minute: "2-digit", timeZoneName: "short", hour12: false,
    }).format(new Date());
    if (clock.textContent !== text) clock.textContent = text;
  }
  setInterval(tick, 500);

  // ---- time left, and the end of a session in every tab

  const needsNobody = /^\/(login|enrol)(\/|$)/.test(location.pathname);
  const others = "BroadcastChannel" in window ? new BroadcastChannel("goldenbatch") : null;
  let endsAt = 0, csrf = "";
  const clean = (name) => (name || "").replace(/[^ -~]/g, "");
  function gone() {
    if (needsNobody) return;
    window.socket?.disconnect?.();
    document.body.replaceChildren();
    location.replace("/login?ended=1&next=" + encodeURIComponent(location.pathname + location.search));
  }
  others?.addEventListener("message", (event) => {
    if (event.data === "ended") gone();
    if (event.data === "stayed") ask("GET", "/session/left");
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches?.("form[action='/logout']")) {
      for (const key of Object.keys(localStorage)) if (key.startsWith("gb-draft/")) localStorage.removeItem(key);
      others?.postMessage("ended");
    }
  });
  async function ask(method, path) {
    try {
      const answer = await fetch(path, { method, headers: { "Goldenbatch-Csrf": clean(csrf) }, cache: "no-store" });
      if (answer.status === 401) return gone();
      if (!answer.ok) return;
      const told = await answer.json();
      csrf = told.csrf;
      endsAt = Date.now() + told.left_s * 1000;
      if (method === "POST") others?.postMessage("stayed");
      left();
    } catch { /* the network is away: the page says so itself */ }
  }
  function left() {
    const place = document.querySelector("[data-gb-left]");
    if (!place || !endsAt) return;
    const seconds = Math.max(0, Math.round((endsAt - Date.now()) / 1000));
    const text = place.dataset.gbLeft.replace("{n}", String(Math.ceil(seconds / 60)));
    for (const one of document.querySelectorAll("[data-gb-left]")) if (one.textContent !== text) one.textContent = text;
    const warning = document.querySelector(".gb-expiring");
    if (warning) warning.hidden = seconds > 120;
    if (seconds <= 0) ask("GET", "/session/left");
  }
  if (!needsNobody) {
    addEventListener("load", () => ask("GET", "/session/left"));
    setInterval(() => ask("GET", "/session/left"), 20000);
    setInterval(left, 1000);
    addEventListener("pageshow", (event) => { if (event.persisted) ask("GET", "/session/left"); });
  }

  // ---- who printed what, when and from where
  addEventListener("beforeprint", () => {
    const head = document.querySelector("[data-gb-printed]");
    if (!head) return;
    const zone = document.querySelector("[data-gb-zone]")?.dataset.gbZone || "UTC";
    const at = new Intl.DateTimeFormat(root.lang || undefined, { timeZone: zone, dateStyle: "medium", timeStyle: "long" }).format(new Date());
    head.textContent = `${at} · ${location.href}`;
    for (const one of document.querySelectorAll("details.gb-details")) one.open = true;
  });
})();
