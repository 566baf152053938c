"use strict";
// Webhooks: their output comes as the commands write it.
(() => {
  const { one, all, send, page, toast, older, plain, watch, restrict } = nuwa;
  const live = one("#live");
  const whole = live.dataset.whole ? Number(live.dataset.run) : 0;

  const end = (output) => (output.scrollTop = output.scrollHeight);
  all(".output", live).forEach(end);

  async function reload() {
    const { answer, content } = await page(location.href).catch(() => ({}));
    const fresh = content && one("#live", content);
    if (!answer?.ok || !fresh) return;
    if (whole) one("main").replaceChildren(...one("main", content).childNodes);
    else live.replaceChildren(...fresh.childNodes);
    stream.moved(fresh.dataset.position);
    all(".output").forEach(end);
    older();
  }

  // What follows a carriage return takes the place of its line, as when a download shows how far it is.
  const unfinished = new WeakMap();
  function write(output, text) {
    const shown = output.textContent;
    const drawn = shown.slice(shown.lastIndexOf("\n") + 1);
    const before = unfinished.get(output) ?? (text.includes("\r") ? `${drawn}\r` : drawn);
    const after = (before + text).replaceAll("\r\n", "\n").replace(/[^\n]*\r(?=[^\r\n])/g, "");
    unfinished.set(output, after.slice(after.lastIndexOf("\n") + 1));
    if (before.includes("\r") || text.includes("\r")) {
      output.textContent = shown.slice(0, shown.length - plain(before).length) + plain(after);
    } else output.append(plain(text));
  }

  function grow(data) {
    if (whole && data.run !== whole) return;
    const hook = whole ? live : document.getElementById(`h-${data.hook}`);
    const step = hook && Number(hook.dataset.run) === data.run && all(".step", hook).at(-1);
    if (!step || step.dataset.command !== data.command) return;
    const output = one(".output", step);
    const stays = output.scrollHeight - output.scrollTop - output.clientHeight < 30;
    write(output, data.text);
    if (stays) end(output);
    one(".took", step).textContent = `${data.duration.toFixed(1)} s`;
  }
  let due = 0;
  const later = () => (due ||= setTimeout(() => ((due = 0), reload()), 300));

  const stream = watch(live.dataset.position, {
    hook: (data) => {
      if (whole) return data.run === whole && later();
      const old = document.getElementById(`h-${data.name}`);
      if (!old) return reload();
      const made = new DOMParser().parseFromString(`<ul>${data.html}</ul>`, "text/html").querySelector(".hook");
      old.replaceWith(restrict(made));
      all(".output", made).forEach(end);
      older(made);
    },
    output: grow,
    reload,
  });

  document.addEventListener("submit", async (event) => {
    const verb = event.target.dataset.hook;
    if (!verb) return;
    event.preventDefault();
    const { name } = event.target.closest(".hook").dataset;
    const button = one("button", event.target);
    button.setAttribute("aria-busy", "true");
    try {
      const done = await send("POST", `/hooks/${encodeURIComponent(name)}/${verb}`);
      toast(verb === "run" ? `${name}: run ${done.run} begins` : done.cancelled.length ? `${name}: cancelled` : `${name}: nothing to cancel`);
    } catch (error) {
      toast(`${name}: ${error.message}`, "bad");
    }
    button.removeAttribute("aria-busy");
  });
})();
