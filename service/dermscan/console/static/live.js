// Shows how the scan goes, and opens its result.
const card = document.querySelector("[data-live]");
const title = card.querySelector("[data-title]");
const detail = card.querySelector("[data-detail]");
const progress = card.querySelector("[data-progress]");
const source = new EventSource("/live/events");

source.addEventListener("message", (message) => {
  const now = JSON.parse(message.data);
  card.dataset.state = now.state;
  if (title.textContent !== now.title) title.textContent = now.title;
  if (detail.textContent !== now.detail) detail.textContent = now.detail;
  progress.hidden = now.state !== "analysing";
  progress.value = now.progress;
  card.querySelector("[data-again]").hidden = now.state !== "ended";
  card.querySelector("[data-cancel]").hidden = ["ended", "done", "analysing"].includes(now.state);
  if (now.open) { source.close(); location.replace(now.open); }
});
source.addEventListener("error", () => { if (source.readyState === EventSource.CLOSED) location.assign("/locked"); });
