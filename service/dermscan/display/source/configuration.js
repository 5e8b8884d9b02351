/* Which broker, which device, which language: by the address, by config.json beside the page, or by default. */

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const BROKER = /^wss?:\/\/[^\s@]+$/;
const PATIENCE_MS = 800; // the first view does not wait longer for the file
const APPLIANCE_BROKER = "ws://127.0.0.1:8080/mqtt"; // of a page that is opened from the disk

const fromDisk = location.protocol === "file:";

async function configFile() {
  if (fromDisk) return {};
  try {
    const answer = await fetch("config.json", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
    const config = answer.ok ? await answer.json() : null;
    return config !== null && typeof config === "object" ? config : {};
  } catch {
    return {}; // a page without the file speaks to its own origin
  }
}

function ownBroker() {
  if (fromDisk) return APPLIANCE_BROKER;
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/mqtt`;
}

/** The broker's URL, the device's label and the languages wanted, best first. What is malformed counts as left out. */
export async function configuration() {
  const query = new URLSearchParams(location.search);
  const config = await configFile();
  const choice = (name, form, otherwise) =>
    [query.get(name), config[name]].find((value) => typeof value === "string" && form.test(value)) ?? otherwise;
  return {
    broker: choice("broker", BROKER, ownBroker()),
    device: choice("device", LABEL, "room-1"),
    languages: [query.get("lang"), config.language, ...navigator.languages].filter(Boolean),
  };
}
