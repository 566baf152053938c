import "./style.css"

const list = document.querySelector("#texts")

function item(text) {
  const made = document.createElement("li")
  const count = document.createElement("b")
  count.textContent = text.words ?? "…"
  made.append(`${text.content}: `, count)
  return made
}

// While a worker still counts, look again.
async function refresh() {
  const { texts } = await (await fetch(list.dataset.url)).json()
  list.replaceChildren(...texts.map(item))
  if (texts.some((text) => text.words === null)) setTimeout(refresh, 500)
}

refresh()
