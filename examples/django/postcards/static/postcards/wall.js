"use strict";

// Cards whose picture is being made ask for themselves until it is there.
async function refresh(card) {
  const response = await fetch(card.dataset.waiting);
  if (!response.ok) return;
  const fresh = document.createElement("template");
  fresh.innerHTML = await response.text();
  const next = fresh.content.querySelector(".card");
  if (next.dataset.waiting) setTimeout(refresh, 1000, card);
  else card.replaceWith(next);
}
document.querySelectorAll("[data-waiting]").forEach((card) => setTimeout(refresh, 700, card));

// The chosen photo is shown where the stamp would be.
const input = document.querySelector("#id_photo");
input.addEventListener("change", () => {
  const label = document.querySelector(".photo");
  const [file] = input.files;
  label.classList.toggle("chosen", Boolean(file));
  label.style.backgroundImage = file ? `url("${URL.createObjectURL(file)}")` : "";
});
