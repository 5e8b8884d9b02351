// The scan's picture: what is drawn over it can be switched and faded, and it can be magnified.
import { linked } from "./zoom.js";

const viewer = document.querySelector("[data-viewer]");
linked([viewer]);
const overlay = viewer.querySelector("[data-overlay]");
for (const box of document.querySelectorAll("[data-toggle]")) {
  const show = () => { overlay.querySelector(`[data-part="${box.dataset.toggle}"]`).style.display = box.checked ? "" : "none"; };
  box.addEventListener("change", show);
  show();
}
const slider = document.querySelector("[data-opacity]");
if (slider) {
  const fade = () => { overlay.style.opacity = slider.value / 100; };
  slider.addEventListener("input", fade);
  fade();
}
