/* Follows two topics of one device. It subscribes and never publishes. */

import "./platform.js";
import MqttClient from "mqtt/lib/client";
import { browserStreamBuilder } from "mqtt/lib/connect/ws";

const KEEPALIVE_S = 2; // a broker that falls silent is noticed within one and a half times this
const GRACE_MS = 1000; // a connection that is back sooner was never seen to be gone
const PAUSE_MS = 500; // between two looks for a broker that is away
const PATIENCE_MS = 3000; // for the answer of a broker
const UNASKED_MS = 20_000; // between two attempts at a broker that does not answer to a knock
const ABSENCE_MS = 4000; // a device of which the broker knows nothing for so long is away

const pause = (duration) => new Promise((resolve) => setTimeout(resolve, duration));

/**
 * Whether somebody answers at the broker's port. Browsers delay WebSockets more and more after failures, by seconds; a
 * plain request is never delayed, so that the return of the broker is noticed at once.
 */
async function answers(broker) {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    await fetch(broker.replace(/^ws/, "http"), { mode: "no-cors", cache: "no-store", signal });
    return true;
  } catch {
    return false;
  }
}

async function untilItAnswers(broker) {
  const unasked = performance.now() + UNASKED_MS;
  do await pause(PAUSE_MS);
  while (!(await answers(broker)) && performance.now() < unasked);
}

function clientOf(broker) {
  const { protocol, hostname, port, pathname } = new URL(broker);
  const options = {
    protocol: protocol.slice(0, -1),
    hostname,
    port: Number(port) || undefined,
    path: pathname,
    clientId: `display-${crypto.getRandomValues(new Uint32Array(2)).join("-")}`,
    clean: true,
    keepalive: KEEPALIVE_S,
    connectTimeout: PATIENCE_MS,
    reconnectPeriod: 0,
    resubscribe: false,
    timerVariant: "native",
  };
  return new MqttClient((client) => browserStreamBuilder(client, options), options);
}

/**
 * Follow a device for as long as the page lives.
 *
 * @param {string} broker URL of the broker's WebSocket.
 * @param {string} device The device's label.
 * @param {(news: object) => void} tell Is told what has changed: `link`, `availability`, `status` (both as text), `absent`.
 */
export function follow(broker, device, tell) {
  const root = `dermscan/${device}`;
  const client = clientOf(broker);
  let grace = null;
  let absence = null;

  const lost = () => {
    clearTimeout(absence);
    grace ??= setTimeout(() => tell({ link: "down", availability: null, status: null, absent: false }), GRACE_MS);
  };
  client.on("connect", () => {
    clearTimeout(grace);
    grace = null;
    absence = setTimeout(() => tell({ absent: true }), ABSENCE_MS);
    tell({ link: "up" });
    client.subscribe([`${root}/availability`, `${root}/status`], { qos: 1 });
  });
  client.on("message", (topic, payload) => {
    if (topic === `${root}/status`) return tell({ status: payload.toString() });
    clearTimeout(absence);
    return tell({ availability: payload.toString(), absent: false });
  });
  client.on("error", lost);
  client.on("close", async () => {
    lost();
    await untilItAnswers(broker);
    client.reconnect();
  });
}
