"use strict";
// The rows of services: they change as the host does, and their buttons act at once.
(() => {
  const { at, one, all, send, page, toast, older, watch, keys, restrict } = nuwa;
  const live = one("#live");
  const only = live.dataset.one;
  const histories = new Map();
  const seen = new Set();
  const KEPT = 60;


  // Charts: four small curves for each row that is in sight.
  const FLOOR = [0.05, 16e6, 4096, 4096];
  const MEANING = ["CPU time, in hundredths of a core", "memory in use", "bytes a second, in and out", "bytes a second, read and written"];
  function made(gauge, index) {
    gauge.title = MEANING[index];
    const chart = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [name, value] of Object.entries({ class: "chart", viewBox: `0 0 ${KEPT} 24`, preserveAspectRatio: "none", "aria-hidden": "true" })) chart.setAttribute(name, value);
    for (const part of ["area", "curve"]) chart.appendChild(document.createElementNS(chart.namespaceURI, "path")).setAttribute("class", part);
    gauge.prepend(chart);
    return chart;
  }
  function draw(name) {
    const within = only ? one(".wide-gauges") : document.getElementById(`s-${name}`);
    const history = histories.get(name);
    if (!within || !history) return;
    all(".gauge", within).forEach((gauge, index) => {
      const chart = one(".chart", gauge) ?? made(gauge, index);
      const values = history.map((sample) => sample[index]);
      const known = values.filter((value) => value !== null);
      const most = Math.max(FLOOR[index], ...known) * 1.1;
      const start = KEPT - values.length;
      const points = values
        .map((value, place) => (value === null ? null : `${start + place} ${(23.5 - (23 * value) / most).toFixed(1)}`))
        .filter(Boolean);
      const curve = points.length > 1 ? `M${points.join("L")}` : "";
      chart.lastElementChild.setAttribute("d", curve);
      chart.firstElementChild.setAttribute("d", curve && `${curve}L${points.at(-1).split(" ")[0]} 24L${points[0].split(" ")[0]} 24Z`);
    });
  }
  function size(count) {
    if (count === null) return "–";
    let value = count;
    for (const unit of "BKMG") {
      if (value < 1000) return (value >= 10 || unit === "B" ? value.toFixed(0) : value.toFixed(1)) + unit;
      value /= 1024;
    }
    return `${value.toFixed(1)}T`;
  }
  const cores = (value) => (value === null ? "–" : value >= 0.1 || value === 0 ? `${(value * 100).toFixed(0)}%` : `${(value * 100).toFixed(1)}%`);
  function write(name) {
    const within = only ? one(".wide-gauges") : document.getElementById(`s-${name}`);
    const sample = histories.get(name)?.at(-1);
    if (!within || !sample) return;
    all(".gauge .value", within).forEach((value, index) => {
      const text = index === 0 ? cores(sample[0]) : size(sample[index]);
      if (value.textContent !== text) value.textContent = text;
    });
  }

  let wanted = new Set();
  async function fetchHistories() {
    const names = [...wanted].slice(0, 100);
    wanted = new Set([...wanted].slice(100));
    if (!names.length) return;
    const query = names.map((name) => `name=${encodeURIComponent(name)}`).join("&");
    const answer = await fetch(at(`/usage?${query}`), { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) return;
    for (const [name, history] of Object.entries(await answer.json())) {
      histories.set(name, history.slice(-KEPT));
      draw(name);
    }
    if (wanted.size) fetchHistories();
  }
  let asking = 0;
  function want(name) {
    if (histories.has(name) && histories.get(name).isWhole) return;
    wanted.add(name);
    clearTimeout(asking);
    asking = setTimeout(fetchHistories, 60);
  }
  const sight = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const name = entry.target.dataset.name;
        if (entry.isIntersecting) {
          seen.add(name);
          if (histories.has(name)) {
            write(name);
            draw(name);
          } else want(name);
        } else seen.delete(name);
      }
    },
    { rootMargin: "120px" },
  );
  const look = () => {
    sight.disconnect();
    seen.clear();
    all(".row, .wide-gauges", live).forEach((row) => sight.observe(row));
  };

  function count() {
    if (only) return;
    const found = { good: 0, bad: 0, warn: 0 };
    for (const row of all(".row", live)) {
      const tone = row.classList.contains("bad") ? "bad" : row.classList.contains("warn") ? "warn" : "good";
      found[tone] += 1;
    }
    all("#counts .state").forEach((state, index) => {
      const amount = Object.values(found)[index];
      one("b", state).textContent = amount;
      if (index) state.className = `state ${amount ? ["good", "bad", "warn"][index] : "calm"}`;
    });
  }

  async function reload() {
    const focused = document.activeElement?.closest?.("[data-name]")?.dataset.name;
    const { answer, content } = await page(location.href).catch(() => ({}));
    const fresh = content && one("#live", content);
    if (!answer?.ok || !fresh) return;
    live.replaceChildren(...fresh.childNodes);
    stream.moved(fresh.dataset.position);
    if (focused) document.getElementById(`s-${focused}`)?.focus({ preventScroll: true });
    ready();
  }

  function replace(name, markup) {
    const old = document.getElementById(`s-${name}`);
    if (!old) return reload();
    const made = new DOMParser().parseFromString(`<ul>${markup}</ul>`, "text/html").querySelector(".row");
    const focused = old.contains(document.activeElement) && document.activeElement;
    const label = focused && focused.className;
    sight.unobserve(old);
    made.hidden = old.hidden;
    restrict(made);
    old.replaceWith(made);
    sight.observe(made);
    if (focused === old) made.focus({ preventScroll: true });
    else if (focused) (all("button, a", made).find((item) => item.className === label) ?? made).focus({ preventScroll: true });
    write(name);
    draw(name);
    older(made);
    filter();
    count();
  }

  const stream = watch(live.dataset.position, {
    row: (data) => (only ? data.name === only && reload() : replace(data.name, data.html)),
    lines: (data) => {
      if (only) return;
      for (const [name, markup] of Object.entries(data)) {
        const last = document.getElementById(`s-${name}`)?.querySelector(".last");
        if (!last || last.contains(document.activeElement)) continue;
        last.innerHTML = markup;
        older(last);
      }
    },
    sample: (data) => {
      for (const [name, history] of histories) {
        history.push(data.services[name] ?? history.at(-1) ?? [null, null, null, null]);
        if (history.length > KEPT) history.shift();
      }
      for (const name of seen) {
        if (!histories.has(name)) continue;
        if (data.services[name]) write(name);
        draw(name);
      }
    },
    reload,
    alert: (data) => toast(`${data.check}: ${data.message}${data.action ? `\n${data.action}` : ""}`, data.state === "ok" ? "" : data.state === "failed" ? "bad" : "warn"),
  });

  // Buttons. The row shows what was asked for at once; what became of it comes with the stream.
  const DOING = { start: "starting", stop: "stopping", restart: "restarting" };
  const CORE = { dashboard: "This page will stop working.", router: "No site of this host is reachable without it, this page included.", ci: "Nothing here works without it.", log: "Lines stay in the journal until it is started again." };
  function confirmed(name) {
    const dialog = one("#ask");
    one("#ask-title").textContent = `Stop ${name}?`;
    const row = document.getElementById(`s-${name}`);
    const ports = row && one(".ports", row).textContent.trim();
    const remark = CORE[name] ? `${CORE[name]} On the host, nuwa start ${name} brings it back.` : "";
    one("#ask-text").textContent = remark || (ports && ports !== "no port" ? `Nothing will answer at ${ports.split(" · ")[0]} until it is started again.` : "It stays stopped until somebody starts it.");
    dialog.returnValue = "no";
    dialog.showModal();
    return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
  }
  live.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-act]");
    if (!button) return;
    event.preventDefault();
    const { act: verb, name } = button.dataset;
    if (verb === "stop" && !(await confirmed(name))) return;
    button.setAttribute("aria-busy", "true");
    const shown = document.getElementById(`s-${name}`)?.querySelector(".about .state span");
    const before = shown?.textContent;
    if (shown) shown.textContent = DOING[verb];
    try {
      const done = await send("POST", `/proc/${encodeURIComponent(name)}/${verb}`);
      toast(`${done.name}: ${done.message}`);
    } catch (error) {
      toast(`${verb} ${name}: ${error.message}`, "bad");
      if (shown) shown.textContent = before;
    }
    button.removeAttribute("aria-busy");
  });

  const box = one("#filter");
  function filter() {
    if (!box) return;
    const words = box.value.trim().toLowerCase().split(/\s+/);
    let left = 0;
    for (const row of all(".row", live)) {
      const text = `${row.dataset.name} ${one(".about", row).textContent} ${one(".ports", row).textContent}`.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      left += !row.hidden;
    }
    one("#none").hidden = left > 0;
  }
  if (box) {
    one(".filter").hidden = false;
    box.addEventListener("input", filter);
    keys.set("/", () => box.focus());
  }

  // Keys on rows.
  const rows = () => all(".row", live).filter((row) => !row.hidden);
  const current = () => document.activeElement?.closest?.(".row");
  function move(step) {
    const list = rows();
    const next = list[Math.max(0, Math.min(list.length - 1, (current() ? list.indexOf(current()) : step > 0 ? -1 : list.length) + step))];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }
  if (!only) {
    keys.set("j", () => move(1));
    keys.set("k", () => move(-1));
    keys.set("l", () => (current() ? location.assign(at(`/log/${encodeURIComponent(current().dataset.name)}`)) : false));
  }
  const press = (verb) => {
    const button = one(`button[data-act=${verb}]`, only ? live : (current() ?? document.createElement("p")));
    return button ? button.click() : false;
  };
  keys.set("s", () => press("start"));
  keys.set("r", () => press("restart"));
  keys.set("x", () => press("stop"));

  function ready() {
    if (only) one(".wide-gauges").dataset.name = only;
    look();
    filter();
    count();
    older(live);
  }
  ready();
})();
