/* The page: what is known of the device goes in, what is shown comes out. */

import "./style.css";
import { configuration } from "./configuration.js";
import { follow } from "./connection.js";
import { textsFor } from "./messages.js";
import { readStatus, viewOf } from "./view.js";

const known = { link: "new", availability: null, status: null, absent: false };
const element = (id) => document.getElementById(id);

function setText(target, text) {
  // Writing the same text again would be read out again
  if (target.textContent !== text) target.textContent = text;
}

function show(texts) {
  const view = viewOf(known, texts);
  document.body.dataset.mood = view.mood;
  document.body.dataset.view = view.name;
  element("icon").setAttribute("href", `#icon-${view.icon}`);
  setText(element("title"), view.title);
  setText(element("detail"), view.detail);
  element("progress").hidden = view.progress === null;
  element("progress").value = view.progress ?? 0;
}

function keepForLater() {
  // Where the server names no media types, or the page comes from the disk, there is no service worker and no need
  if (location.protocol !== "file:") navigator.serviceWorker?.register("worker.js").catch(() => {});
}

async function start() {
  const { broker, device, languages } = await configuration();
  const { code, texts } = textsFor(languages);
  document.documentElement.lang = code;
  setText(element("notice"), texts.notice);
  setText(element("device"), device);
  element("progress").setAttribute("aria-label", texts.progress);
  show(texts);
  follow(broker, device, ({ status, ...news }) => {
    Object.assign(known, news);
    if (status !== undefined) known.status = status === null ? null : readStatus(status);
    show(texts);
  });
  keepForLater();
}

start();
