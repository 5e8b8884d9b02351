// Locks the screen when nobody has touched it for a while, and tells the server when somebody has.
const { token, idle } = document.body.dataset;
const TOLD_EVERY_MS = 30_000;
let touched = Date.now();
let told = Date.now();

function note() {
  touched = Date.now();
  if (touched - told < TOLD_EVERY_MS) return;
  told = touched;
  fetch("/touch", { method: "POST", headers: { "content-type": "application/json", "x-token": token }, body: "{}" })
    .then((answer) => { if (answer.status === 401) location.assign("/locked"); })
    .catch(() => {});
}

for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) {
  addEventListener(kind, note, { passive: true });
}
setInterval(() => {
  if (Date.now() - touched > Number(idle) * 1000) document.getElementById("lock").requestSubmit();
}, 1000);
addEventListener("pageshow", (shown) => { if (shown.persisted) location.reload(); });
