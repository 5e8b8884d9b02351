/* What to show for what is known. Pure: no page, no clock, no connection. */

const LOOKS = {
  connecting: ["quiet", "starting"],
  disconnected: ["quiet", "offline"],
  offline: ["fault", "offline"],
  stopped: ["quiet", "off"],
  starting: ["quiet", "starting"],
  ready: ["ready", "ready"],
  framing: ["guide", "framing"],
  hold_still: ["hold", "hold"],
  analysing: ["work", "analysing"],
  done: ["done", "done"],
  fault: ["fault", "fault"],
  paused: ["quiet", "paused"],
  stopping: ["quiet", "off"],
  unknown: ["quiet", "starting"],
};
const WORK_STATES = ["starting", "ready", "framing", "hold_still", "analysing", "done", "fault", "paused", "stopping"];
const UNKNOWN = { state: "unknown", guidance: null, progress: 0 };
const GUIDED = ["framing", "hold_still", "ready"];

/** Reads a status payload; the state is `unknown` for what is none of a version or a state that is understood here. */
export function readStatus(text) {
  let status;
  try {
    status = JSON.parse(text);
  } catch {
    return UNKNOWN;
  }
  if (status === null || typeof status !== "object" || status.schema_version !== 1) return UNKNOWN;
  const progress = Number.isInteger(status.progress) ? Math.min(100, Math.max(0, status.progress)) : 0;
  const state = WORK_STATES.includes(status.state) ? status.state : "unknown";
  return { state, guidance: typeof status.guidance === "string" ? status.guidance : null, progress };
}

function nameOf({ link, availability, status, absent }) {
  if (link !== "up") return link === "down" ? "disconnected" : "connecting";
  if (availability === "offline" || availability === "stopped") return availability;
  if (absent) return "offline";
  if (availability !== "online" || status === null) return "connecting";
  return status.state;
}

/** What to show: name, mood and icon of the view, its title and detail, and the progress or null. */
export function viewOf(known, texts) {
  const name = nameOf(known);
  const [mood, icon] = LOOKS[name];
  const [title, standing] = texts.views[name];
  const hinted = GUIDED.includes(name) && Object.hasOwn(texts.guidance, known.status.guidance);
  const detail = hinted ? texts.guidance[known.status.guidance] : standing;
  return { name, mood, icon, title, detail, progress: name === "analysing" ? known.status.progress : null };
}
