/* Builds the page into ../page: classic scripts and fixed names, as Mosquitto's http_dir and the demonstration need them. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Mosquitto 2.0's http_dir names no media type, and browsers take no module script without one. */
const classicScripts = {
  name: "classic-scripts",
  enforce: "post",
  transformIndexHtml: (html) => html.replaceAll(' type="module" crossorigin', " defer").replaceAll(" crossorigin", ""),
};

/** The service worker is a file of its own, as it is written: it imports nothing. */
const serviceWorker = {
  name: "service-worker",
  generateBundle() {
    this.emitFile({ type: "asset", fileName: "worker.js", source: readFileSync(here("worker.js"), "utf8") });
  },
};

export default defineConfig({
  base: "./",
  plugins: [classicScripts, serviceWorker],
  resolve: {
    alias: {
      // What MQTT.js asks for and this page never uses
      debug: here("stand-ins/debug.js"),
      ws: here("stand-ins/none.js"),
      "worker-timers": here("stand-ins/none.js"),
      // What a Node program has built in
      buffer: here("node_modules/buffer/index.js"),
      events: here("node_modules/events/events.js"),
    },
  },
  build: {
    outDir: "../page",
    emptyOutDir: true,
    target: ["chrome115", "firefox115", "safari16.4"],
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    cssMinify: false,
    license: { fileName: "licences.md" },
    rolldownOptions: {
      output: { format: "iife", entryFileNames: "display.js", assetFileNames: "[name][extname]" },
    },
  },
});
