/* The service worker: the page starts without the network, from the copy of the last time that there was one. */

"use strict";

const SHELF = "dermscan-display";
const FILES = ["./", "index.html", "style.css", "display.js", "icon.svg"];
const OPTIONAL = ["config.json"];
const PATIENCE_MS = 1000; // for a server that is silent
const address = (name) => new URL(name, self.registration.scope).href;

async function stock() {
  const shelf = await caches.open(SHELF);
  await shelf.addAll(FILES.map(address));
  await Promise.allSettled(OPTIONAL.map((name) => shelf.add(address(name))));
}

/** The newest there is: the server's, and the kept one when the server is away. */
async function answer(request, place) {
  const shelf = await caches.open(SHELF);
  try {
    const fresh = await fetch(request, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (fresh.ok) await shelf.put(place, fresh.clone());
    return fresh;
  } catch (failure) {
    const kept = await shelf.match(place);
    if (kept) return kept;
    throw failure;
  }
}

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(stock());
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const place = event.request.url.split(/[?#]/)[0];
  const ours = [...FILES, ...OPTIONAL].map(address).includes(place);
  if (ours && event.request.method === "GET") event.respondWith(answer(event.request, place));
});
