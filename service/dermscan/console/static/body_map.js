// The figure sets the list, and the list shows on the figure; the list alone is enough.
const site = document.getElementById("site");
const side = document.getElementById("side");
const regions = [...document.querySelectorAll("[data-map] path")];

function show() {
  for (const region of regions) {
    const fits = region.dataset.code === site.value && (region.dataset.side === side.value || region.dataset.side === "U" || side.value === "B");
    region.classList.toggle("chosen", fits);
  }
}
if (site) {
  for (const region of regions) {
    region.addEventListener("click", () => {
      site.value = region.dataset.code;
      side.value = region.dataset.side;
      show();
    });
  }
  site.addEventListener("change", () => {
    const fitting = regions.filter((region) => region.dataset.code === site.value);
    if (fitting.length === 1) side.value = fitting[0].dataset.side;
    show();
  });
  side.addEventListener("change", show);
  show();
}
