// Two scans together: side by side, swiped, flickered, or with the difference laid over; zoom and pan are linked.
import { linked } from "./zoom.js";

const compare = document.querySelector("[data-compare]");
const hands = linked([...compare.querySelectorAll(".window")]);
const over = compare.querySelector("[data-over]");
const difference = compare.querySelector("[data-difference]");
const edge = document.querySelector("[data-edge]");
const rate = document.querySelector("[data-rate]");
let timer = null;

function flicker() {
  clearInterval(timer);
  timer = setInterval(() => { over.style.opacity = over.style.opacity === "0" ? 1 : 0; }, rate.value * 1000);
}
function swipe() { over.style.clipPath = `inset(0 0 0 ${edge.value}%)`; }

function show(view) {
  compare.dataset.view = view;
  clearInterval(timer);
  for (const part of document.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(view);
  if (over) {
    over.hidden = !["swipe", "flicker"].includes(view);
    over.style.opacity = 1;
    over.style.clipPath = "";
  }
  if (difference) difference.hidden = view !== "difference";
  if (view === "swipe") swipe();
  if (view === "flicker") flicker();
  hands.all();
}
for (const radio of document.querySelectorAll('input[name="view"]')) radio.addEventListener("change", () => show(radio.value));
for (const button of document.querySelectorAll("[data-zoom]")) {
  button.addEventListener("click", () => ({ in: () => hands.zoom(1.4), out: () => hands.zoom(1 / 1.4), all: hands.all })[button.dataset.zoom]());
}
edge?.addEventListener("input", swipe);
rate?.addEventListener("input", flicker);
