"use strict";
// What every page shares: requests, messages, ages, the stream of events, keys.
const nuwa = (() => {
  const meta = (name) => document.querySelector(`meta[name=${name}]`).content;
  const base = meta("base");
  const proof = meta("csrf");
  const at = (path) => base + path;
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // What this session may operate: all services ("*"), some, or none. The agent refuses the rest in any case.
  const operable = meta("operate").split(" ").filter(Boolean);
  const operates = (names) => operable[0] === "*" || (names.length > 0 && names.every((name) => operable.includes(name)));
  function restrict(made) {
    const { name, covers } = made.dataset;
    if (!operates(covers === undefined ? [name] : covers.split(" ").filter(Boolean))) one(".acts", made).replaceChildren();
    return made;
  }

  function toast(text, tone = "") {
    const made = document.createElement("p");
    made.className = `toast ${tone}`;
    made.textContent = text;
    one("#toasts").append(made);
    setTimeout(() => made.remove(), tone === "bad" ? 12000 : 5000);
  }

  // A request that changes something. A refusal becomes an error with the agent's own words.
  async function send(method, path, body) {
    const answer = await fetch(at(path), { method, body, headers: { Accept: "application/json", "X-CSRF-Token": proof } });
    if (answer.status === 401) location.assign(at("/login"));
    const value = await answer.json();
    if (!answer.ok) throw new Error([value.error.message, value.error.hint].filter(Boolean).join("\n"));
    return value;
  }

  // A page rendered again by the server, some parts of which are taken over.
  async function page(path, options) {
    const answer = await fetch(path, { ...options, headers: { Accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname === at("/login")) location.reload();
    return { answer, content: new DOMParser().parseFromString(await answer.text(), "text/html") };
  }

  function age(seconds) {
    if (seconds < 60) return `${Math.max(0, Math.floor(seconds))}s`;
    if (seconds < 6000) return `${Math.floor(seconds / 60)}m`;
    if (seconds < 172800) return `${Math.floor(seconds / 3600)}h`;
    return `${Math.floor(seconds / 86400)}d`;
  }
  const ageClass = (seconds) => (seconds < 60 ? "now" : seconds < 3600 ? "young" : seconds < 86400 ? "today" : "old");

  function older(within = document) {
    const now = Date.now() / 1000;
    for (const time of within.querySelectorAll("time[data-t]")) {
      const seconds = now - Number(time.dataset.t);
      const text = age(seconds);
      const shown = time.firstElementChild;
      if (shown.textContent === text) continue;
      shown.textContent = text;
      const line = time.parentElement;
      if (!line.classList.contains("line")) continue;
      line.classList.remove("now", "young", "today", "old");
      line.classList.add(ageClass(seconds));
    }
  }
  const local = (seconds) => new Date(seconds * 1000).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  for (const time of all("time[data-clock]")) {
    const when = new Date(time.dataset.clock * 1000);
    time.textContent =
      "days" in time.dataset
        ? when.toLocaleDateString(undefined, { day: "numeric", month: "short" })
        : when.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  }
  document.addEventListener("pointerover", (event) => {
    const time = event.target.closest?.("time[data-t]");
    if (time) time.title = local(time.dataset.t);
  });

  // Texts of other people: without what terminals obey.
  const escapes = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-_]?|[\x00-\x08\x0b-\x1f\x7f-\x9f]|[\u202a-\u202e\u2066-\u2069]/g;
  const plain = (text) => text.replace(escapes, "");
  const level = (priority) => (priority <= 3 ? "bad" : priority === 4 ? "warn" : priority === 7 ? "dim" : "");

  // What is wrong with the connection is at the top until it is right again.
  const troubles = new Map();
  function trouble(name, text) {
    const banner = one("#banner");
    if (text) troubles.set(name, text);
    else troubles.delete(name);
    const shown = [...troubles.values()][0] ?? "";
    banner.hidden = !shown;
    if (banner.textContent !== shown) banner.textContent = shown;
  }

  // The stream of events. It reconnects automatically, also where the browser would give up, and rests while nobody looks.
  function watch(position, handlers) {
    let source = null;
    let last = position;
    let pause = 1000;
    let lost = 0;
    function open() {
      clearTimeout(lost);
      source?.close();
      source = new EventSource(at(`/events?from=${encodeURIComponent(last)}`));
      source.onopen = () => {
        pause = 1000;
        trouble("dashboard", "");
      };
      source.onerror = () => {
        trouble("dashboard", "Disconnected from the dashboard: this page is out of date. Reconnecting …");
        source.close();
        lost = setTimeout(again, pause);
        pause = Math.min(pause * 2, 15000);
      };
      for (const [name, handle] of Object.entries(handlers)) {
        source.addEventListener(name, (event) => {
          if (event.lastEventId) last = event.lastEventId;
          handle(JSON.parse(event.data));
        });
      }
      source.addEventListener("agent", (event) => {
        const state = JSON.parse(event.data);
        trouble("agent", state.up ? "" : `The agent has not answered since ${local(state.since)}; this page shows its last known state. Trying again …`);
      });
    }
    async function again() {
      // A session that is over makes the stream fail like a dashboard that is away.
      try {
        const answer = await fetch(at("/usage"), { headers: { Accept: "application/json" } });
        if (answer.status === 401) return location.reload();
      } catch {
        // It is away.
      }
      open();
    }
    open();
    document.addEventListener("visibilitychange", () => {
      clearTimeout(lost);
      if (document.hidden) {
        lost = setTimeout(() => {
          source.close();
          source = null;
        }, 60000);
      } else if (!source || source.readyState === 2) open();
    });
    return { moved: (to) => (last = to) };
  }

  // Keys. Letters alone mean something only where nobody types.
  const keys = new Map();
  const places = { s: "/", l: "/log", h: "/hooks", m: "/monitor", c: "/config", a: "/audit" };
  let leading = 0;
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input, textarea, select");
    if (event.key === "Escape" && isTyping) event.target.blur();
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
    if (Date.now() - leading < 1200 && places[event.key]) return location.assign(at(places[event.key]));
    leading = event.key === "g" ? Date.now() : 0;
    const act = keys.get(event.key);
    if (act && act() !== false) event.preventDefault();
  });
  keys.set("?", () => one("#help").showModal());
  const listed = one("#keys");
  listed.hidden = false;
  listed.addEventListener("click", () => one("#help").showModal());
  setInterval(() => document.hidden || older(), 5000);
  older();

  return { restrict, at, one, all, send, page, toast, older, age, ageClass, local, plain, level, watch, keys };
})();
