"use strict";
// The editor: numbers its lines, checks without leaving the page, and never loses what was typed.
(() => {
  const { one, all, page, toast, older } = nuwa;
  const form = one("#editor");
  const text = one("#text");
  const gutter = one(".gutter");
  let saved = text.defaultValue;
  const isEdited = () => text.value !== saved;

  function number() {
    const wrong = new Set(all("#result [data-line]").map((link) => Number(link.dataset.line)));
    const count = text.value.split("\n").length;
    gutter.replaceChildren(
      ...Array.from({ length: count }, (_, index) => {
        const line = document.createElement("span");
        if (wrong.has(index + 1)) line.className = "wrong";
        line.textContent = `${index + 1}${wrong.has(index + 1) ? "" : "\n"}`;
        return line;
      }),
    );
    gutter.scrollTop = text.scrollTop;
  }
  function go(line) {
    const lines = text.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    text.focus();
    text.setSelectionRange(start, start + lines[line - 1].length);
    text.scrollTop = Math.max(0, (line - 6) * 19);
  }

  async function check() {
    const fields = new URLSearchParams(new FormData(form));
    fields.set("action", "check");
    one("#check").setAttribute("aria-busy", "true");
    try {
      const { content } = await page(form.getAttribute("action"), { method: "POST", body: fields });
      const result = one("#result", content);
      if (result) one("#result").replaceChildren(...result.childNodes);
      else toast(one("main", content)?.textContent.trim() ?? "no answer", "bad");
      number();
      older(one("#result"));
    } catch {
      toast("The dashboard does not answer: nothing was checked.", "bad");
    }
    one("#check").removeAttribute("aria-busy");
  }

  let isLeaving = false;
  form.addEventListener("submit", (event) => {
    if (event.submitter?.value === "save") return void (isLeaving = true);
    event.preventDefault();
    check();
  });
  addEventListener("beforeunload", (event) => isEdited() && !isLeaving && event.preventDefault());
  addEventListener("pageshow", () => (isLeaving = false));
  text.addEventListener("input", number);
  text.addEventListener("scroll", () => (gutter.scrollTop = text.scrollTop));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-line]");
    if (!link) return;
    event.preventDefault();
    go(Number(link.dataset.line));
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      event.preventDefault();
      check();
    }
  });
  number();
})();
