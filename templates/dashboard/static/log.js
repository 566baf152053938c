"use strict";
// The log: new lines come by themselves while it is followed.
(() => {
  const { at, one, older, age, ageClass, local, plain, level, keys } = nuwa;
  const log = one("#log");
  const button = one("#follow");
  const { name, grep, priority } = log.dataset;
  const MOST = 5000;
  const known = new Set([log.dataset.cursor]);
  let last = log.dataset.cursor;
  let source = null;
  let waiting = [];
  let painting = 0;
  let retry = 0;

  const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const say = (text) => (one("#log-state").textContent = text);

  function element(line) {
    const made = document.createElement("div");
    const seconds = Date.now() / 1000 - line.time;
    made.className = `line fresh ${ageClass(seconds)} ${level(line.priority)}`;
    const time = made.appendChild(document.createElement("time"));
    time.dataset.t = line.time;
    time.title = local(line.time);
    const shown = time.appendChild(document.createElement("span"));
    shown.className = "age";
    shown.textContent = age(seconds);
    if (!name) {
      const link = made.appendChild(document.createElement("a"));
      link.className = "of";
      link.href = at(`/log/${encodeURIComponent(line.service)}`);
      link.textContent = line.service;
    }
    const text = made.appendChild(document.createElement("span"));
    text.className = "text";
    text.textContent = plain(line.text);
    return made;
  }

  // A flood is painted once a moment, and only its end stays.
  function paint() {
    painting = 0;
    const stays = isAtEnd();
    one(".empty", log)?.remove();
    log.append(...waiting.slice(-MOST).map(element));
    waiting = [];
    while (log.childElementCount > MOST) log.firstElementChild.remove();
    if (stays) log.scrollTop = log.scrollHeight;
    say(`Following: ${log.childElementCount} lines${stays ? "" : ", new ones below"}`);
  }

  function open() {
    const query = new URLSearchParams({ follow: "1", lines: last ? "1000" : "1", after: last, grep, priority });
    source = new EventSource(at(`/log${name ? `/${encodeURIComponent(name)}` : ""}?${query}`));
    source.addEventListener("line", (event) => {
      const line = JSON.parse(event.data);
      if (known.has(line.cursor)) return;
      known.add(line.cursor);
      if (known.size > 2000) known.delete(known.values().next().value);
      last = line.cursor;
      waiting.push(line);
      painting ||= setTimeout(paint, 120);
    });
    source.addEventListener("refused", (event) => {
      stop();
      say(JSON.parse(event.data).message);
    });
    source.onopen = () => say("Following: new lines appear at the end");
    source.onerror = () => {
      source.close();
      say("Disconnected. Reconnecting …");
      clearTimeout(retry);
      retry = setTimeout(() => source && open(), 1500);
    };
  }
  function stop() {
    clearTimeout(retry);
    source?.close();
    source = null;
    button.setAttribute("aria-pressed", "false");
    say("Not following");
  }
  function toggle() {
    if (source) return stop();
    button.setAttribute("aria-pressed", "true");
    log.scrollTop = log.scrollHeight;
    open();
  }
  log.scrollTop = log.scrollHeight;
  if (!log.dataset.until) {
    button.hidden = false;
    button.addEventListener("click", toggle);
    keys.set("f", toggle);
    toggle();
  }
  keys.set("/", () => one("[name=grep]").focus());
  for (const select of document.querySelectorAll("#search select")) select.addEventListener("change", () => one("#search").requestSubmit());
  older(log);
})();
