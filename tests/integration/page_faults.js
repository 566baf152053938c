// What a person who sees little, or hears the page, or holds a phone, would stumble over.
() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const found = [];

  // Names: what a screen reader says.
  for (const item of all("button, a[href], input:not([type=hidden]), select, textarea, dialog[open], nav")) {
    const labelled = document.getElementById(item.getAttribute("aria-labelledby") ?? "");
    const name = item.getAttribute("aria-label") || item.labels?.length || item.textContent.trim() || labelled;
    if (!name && item.checkVisibility()) found.push(`has no name: ${item.outerHTML.slice(0, 200)}`);
  }
  const ids = all("[id]").map((item) => item.id);
  found.push(...ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `id is there twice: ${id}`));
  for (const [selector, count] of Object.entries({ h1: 1, main: 1, "html[lang]": 1 })) {
    if (all(selector).length !== count) found.push(`${all(selector).length} of ${selector}`);
  }

  // Contrast: text against what lies below it, as WCAG 2.2 AA wants it.
  const numbers = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * (top[3] ?? 1) + below[i] * (1 - (top[3] ?? 1)));
  const linear = (value) => (value / 255 <= 0.04045 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([red, green, blue]) => 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  function ground(item) {
    const layers = [];
    for (; item; item = item.parentElement) layers.unshift(numbers(getComputedStyle(item).backgroundColor));
    return layers.reduce((below, top) => over(top, below), [255, 255, 255]);
  }
  function faded(item) {
    let left = 1;
    for (; item; item = item.parentElement) left *= Number(getComputedStyle(item).opacity);
    return left;
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.data.trim();
    const item = texts.currentNode.parentElement;
    if (!text || !item.checkVisibility({ visibilityProperty: true })) continue;
    if (item.closest(".hidden, .skip, option, script")) continue;
    const below = ground(item);
    const ink = numbers(getComputedStyle(item).color);
    ink[3] = (ink[3] ?? 1) * faded(item);
    const [low, high] = [light(over(ink, below)), light(below)].sort((one, two) => one - two);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) found.push(`too pale, ${ratio.toFixed(2)}: ${item.className} ${text.slice(0, 40)}`);
  }

  if (document.documentElement.scrollWidth > innerWidth) found.push("is wider than the window");
  return found;
};
