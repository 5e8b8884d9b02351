// Moves the box and takes clicks; the server outlines anew. One question is under way at a time, the newest is asked next.
const viewer = document.querySelector("[data-correct]");
const overlay = viewer.querySelector("svg");
const form = document.querySelector("[data-form]");
const text = document.querySelector("[data-text]");
const rectangle = overlay.querySelector("[data-rectangle]");
const dots = overlay.querySelector("[data-dots]");
const [width, height] = [Number(viewer.dataset.width), Number(viewer.dataset.height)];
const fields = ["x0", "y0", "x1", "y1"].map((key) => form.elements[key]);
const start = fields.map((field) => Number(field.value));
let box = [...start];
let clicks = [];
let asking = false;
let wanted = false;
let held = null;

function draw() {
  const [x0, y0, x1, y1] = box;
  rectangle.setAttribute("x", Math.min(x0, x1));
  rectangle.setAttribute("y", Math.min(y0, y1));
  rectangle.setAttribute("width", Math.abs(x1 - x0));
  rectangle.setAttribute("height", Math.abs(y1 - y0));
  for (const corner of overlay.querySelectorAll("[data-corner]")) {
    corner.setAttribute("cx", corner.dataset.corner.includes("w") ? x0 : x1);
    corner.setAttribute("cy", corner.dataset.corner.includes("n") ? y0 : y1);
  }
  fields.forEach((field, number) => { field.value = box[number].toFixed(1); });
  form.elements.clicks.value = JSON.stringify(clicks);
}

async function ask() {
  if (asking) { wanted = true; return; }
  asking = true;
  const [x0, y0, x1, y1] = box;
  const begun = performance.now();
  const answer = await fetch(viewer.dataset.address, {
    method: "POST",
    headers: { "content-type": "application/json", "x-token": document.body.dataset.token },
    body: JSON.stringify({ x0, y0, x1, y1, clicks }),
  }).catch(() => null);
  if (answer?.status === 401) location.assign("/locked");
  if (answer?.ok) {
    const said = await answer.json();
    for (const path of overlay.querySelectorAll("[data-path]")) path.setAttribute("d", said.path);
    if (!held) { box = said.box; if (!said.keep && !wanted) clicks = []; draw(); }
    if (text.textContent !== said.text) text.textContent = said.text;
    viewer.dataset.milliseconds = Math.round(performance.now() - begun);
  }
  asking = false;
  if (wanted) { wanted = false; ask(); }
}

function place(event) {
  const frame = overlay.getBoundingClientRect();
  const inside = (value, most) => Math.min(Math.max(value, 0), most);
  return [
    inside(((event.clientX - frame.left) / frame.width) * width, width),
    inside(((event.clientY - frame.top) / frame.height) * height, height),
  ];
}

overlay.addEventListener("pointerdown", (event) => {
  const corner = event.target.dataset.corner;
  event.preventDefault();
  if (corner) { held = corner; overlay.setPointerCapture(event.pointerId); return; }
  const [x, y] = place(event);
  const on = !event.shiftKey && form.elements.mode.value === "on";
  clicks.push([x, y, on]);
  const spot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  for (const [key, value] of Object.entries({ cx: x, cy: y, r: width / 110, class: `spot ${on ? "on" : "off"}` })) spot.setAttribute(key, value);
  dots.append(spot);
  ask();
});
overlay.addEventListener("pointermove", (event) => {
  if (!held) return;
  const [x, y] = place(event);
  box[held.includes("w") ? 0 : 2] = x;
  box[held.includes("n") ? 1 : 3] = y;
  draw();
  ask();
});
overlay.addEventListener("pointerup", () => { if (held) { held = null; ask(); } });
form.querySelector("[data-apply]").addEventListener("click", () => { box = fields.map((field) => Number(field.value)); draw(); ask(); });
form.querySelector("[data-reset]").addEventListener("click", () => { box = [...start]; clicks = []; dots.replaceChildren(); draw(); ask(); });
draw();
