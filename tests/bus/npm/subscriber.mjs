// A subscriber of somebody else's: it knows the AsyncAPI document and nothing more of the device.
//   node subscriber.mjs ASYNCAPI_FILE BROKER_URL
// Prints `ready`, then a JSON line for each message: its topic, its channel and what does not fit the document.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";
import Ajv from "ajv";
import mqtt from "mqtt";

const [file, url] = process.argv.slice(2);
const { document } = await new Parser().parse(readFileSync(file, "utf8"));
const ajv = new Ajv({ strict: true, allErrors: true });

function understanding(operation) {
  const channel = operation.channels().all()[0];
  const message = operation.messages().all()[0];
  const qos = operation.bindings().get("mqtt").value().qos;
  const words = channel.address().split("/").map((word) => (word.startsWith("{") ? "[^/]+" : word));
  const schema = JSON.parse(JSON.stringify(message.payload().json(), (key, value) => (key.startsWith("x-parser") ? undefined : value)));
  return {
    id: channel.id(),
    filter: channel.address().replace(/\{[^}]+\}/g, "+"),
    pattern: new RegExp(`^${words.join("/")}$`),
    plain: message.contentType() === "text/plain",
    retained: operation.bindings().get("mqtt").value().retain,
    check: ajv.compile(schema),
    qos,
  };
}

function judged(known, bytes) {
  let value = bytes.toString();
  if (!known.plain) {
    try {
      value = JSON.parse(value);
    } catch {
      return ["no JSON"];
    }
  }
  return known.check(value) ? [] : known.check.errors.map((error) => `${error.instancePath} ${error.message}`);
}

const told = document.operations().filterBySend().map(understanding);
const client = mqtt.connect(url, { protocolVersion: 5, reconnectPeriod: 100 });
client.on("message", (topic, bytes, packet) => {
  const known = told.find((one) => one.pattern.test(topic));
  const problems = known === undefined ? ["no channel of the document"] : judged(known, bytes);
  if (known !== undefined && packet.retain && !known.retained) problems.push("retained, though the document says no");
  console.log(JSON.stringify({ topic, channel: known?.id ?? null, bytes: bytes.length, problems }));
});
client.on("connect", async () => {
  for (const one of told) await client.subscribeAsync(one.filter, { qos: one.qos });
  console.log("ready");
});
