// Zoom and pan of one or more pictures together, by wheel, pointer and keys.
const GREATEST = 12;

export function linked(windows) {
  let [scale, x, y] = [1, 0, 0];
  const pointers = new Map();

  function show() {
    for (const each of windows) each.querySelector(".stage").style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
  }
  function all() { [scale, x, y] = [1, 0, 0]; show(); }
  function zoom(factor, at = null) {
    const next = Math.min(Math.max(scale * factor, 1), GREATEST);
    const stage = windows[0].querySelector(".stage");
    const [px, py] = at ?? [stage.offsetWidth / 2, stage.offsetHeight / 2];
    x = px - ((px - x) * next) / scale;
    y = py - ((py - y) * next) / scale;
    scale = next;
    if (scale === 1) [x, y] = [0, 0];
    show();
  }
  function move(dx, dy) { if (scale > 1) { x += dx; y += dy; show(); } }
  function place(event, frame) {
    const box = frame.querySelector(".stage").parentElement.getBoundingClientRect();
    const stage = frame.querySelector(".stage");
    return [event.clientX - box.left - stage.offsetLeft, event.clientY - box.top - stage.offsetTop];
  }

  for (const frame of windows) {
    frame.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, place(event, frame));
    }, { passive: false });
    frame.addEventListener("pointerdown", (event) => { pointers.set(event.pointerId, [event.clientX, event.clientY]); });
    frame.addEventListener("pointermove", (event) => {
      const last = pointers.get(event.pointerId);
      if (!last) return;
      if (pointers.size === 1) move(event.clientX - last[0], event.clientY - last[1]);
      else pinch(event, last, frame);
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
    });
    for (const kind of ["pointerup", "pointercancel", "pointerleave"]) frame.addEventListener(kind, (event) => pointers.delete(event.pointerId));
    frame.addEventListener("dragstart", (event) => event.preventDefault());
    frame.addEventListener("dblclick", (event) => zoom(2, place(event, frame)));
    frame.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
      if (steps[event.key] && scale > 1) move(...steps[event.key]);
      else if (event.key === "+" || event.key === "=") zoom(1.25);
      else if (event.key === "-") zoom(0.8);
      else if (event.key === "0") all();
      else return;
      event.preventDefault();
    });
  }
  function pinch(event, last, frame) {
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const distance = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
    zoom(distance([event.clientX, event.clientY]) / Math.max(distance(last), 1), place(event, frame));
  }
  return { zoom, all };
}
