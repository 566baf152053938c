"use strict";

const NAMES = ["white", "grey", "black", "red", "orange", "yellow", "green", "teal", "blue", "violet", "pink", "brown"];
const COLOURS = ["#f7f5ef", "#a9adb5", "#22252b", "#d1413a", "#ec8b3b", "#f2cf4b", "#5fa653", "#3aa39b", "#3d6fc4", "#7b56b3", "#e48bb0", "#7d5539"];
const canvas = document.querySelector("#board");
const state = document.querySelector("#state");
const pen = canvas.getContext("2d");
let colour = 8;
let socket;

function dot(x, y, index) {
  pen.fillStyle = COLOURS[index];
  pen.fillRect(x, y, 1, 1);
}

function show(data) {
  if (typeof data === "string") {
    state.textContent = data === "1" ? "You are alone here" : `${data} people are here`;
    return;
  }
  const bytes = new Uint8Array(data);
  if (bytes.length === 3) dot(...bytes);
  else bytes.forEach((index, cell) => dot(cell % canvas.width, Math.floor(cell / canvas.width), index));
}

// A new release closes the connection; the page finds its successor by itself.
function connect(wait = 500) {
  const address = new URL("paint", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => { state.className = "here"; wait = 500; };
  socket.onmessage = (message) => show(message.data);
  socket.onclose = () => {
    state.className = "";
    state.textContent = "Connecting …";
    setTimeout(connect, wait, Math.min(wait * 2, 10000));
  };
}

let last = "";
function paint(event) {
  const box = canvas.getBoundingClientRect();
  const x = Math.floor(((event.clientX - box.left) / box.width) * canvas.width);
  const y = Math.floor(((event.clientY - box.top) / box.height) * canvas.height);
  const key = `${x} ${y} ${colour}`;
  if (x < 0 || y < 0 || x >= canvas.width || y >= canvas.height || key === last) return;
  last = key;
  if (socket.readyState !== WebSocket.OPEN) return;
  dot(x, y, colour);
  socket.send(new Uint8Array([x, y, colour]));
}
canvas.addEventListener("pointerdown", (event) => { last = ""; paint(event); });
canvas.addEventListener("pointermove", (event) => { if (event.buttons) paint(event); });

COLOURS.forEach((value, index) => {
  const button = document.createElement("button");
  button.type = "button";
  button.style.background = value;
  button.setAttribute("role", "radio");
  button.setAttribute("aria-label", NAMES[index]);
  button.setAttribute("aria-checked", String(index === colour));
  button.addEventListener("click", () => {
    colour = index;
    document.querySelectorAll("#palette button").forEach((other) => other.setAttribute("aria-checked", String(other === button)));
  });
  document.querySelector("#palette").append(button);
});

connect();
