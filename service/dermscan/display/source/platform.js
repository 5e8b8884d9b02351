/* What MQTT.js expects of its surroundings and a browser has not. It is loaded before it. */

globalThis.process ??= { env: {}, nextTick: (task, ...values) => queueMicrotask(() => task(...values)) };
