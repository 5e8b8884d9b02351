/* The languages there are: one file in messages/ each, named by its code. A new file is a new language. */

const FILES = import.meta.glob("./messages/*.json", { eager: true, import: "default" });
const MESSAGES = Object.fromEntries(
  Object.entries(FILES).map(([path, texts]) => [path.replace(/^.*\/|\.json$/g, ""), texts]),
);

/** The texts of the first wanted language there is, with its code; English when there is none. */
export function textsFor(wanted) {
  const codes = wanted.map((tag) => String(tag).toLowerCase().split(/[-_]/)[0]);
  const code = codes.find((each) => Object.hasOwn(MESSAGES, each)) ?? "en";
  return { code, texts: MESSAGES[code] };
}
