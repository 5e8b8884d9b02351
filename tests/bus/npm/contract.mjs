// Judges the contract with AsyncAPI's own parser and with ajv.
//   node contract.mjs parse FILE                what is wrong with an AsyncAPI document, as JSON
//   node contract.mjs validate FOLDER < PAIRS   [[SCHEMA, PAYLOAD], ...] in, a list of problems for each pair out
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Parser } from "@asyncapi/parser";
import Ajv2020 from "ajv/dist/2020.js";

const SERIOUS = 2; // 0 error, 1 warning, 2 information, 3 hint

async function parse(file) {
  const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
  const problems = diagnostics.filter((found) => found.severity < SERIOUS);
  return {
    understood: document !== undefined,
    version: document?.version() ?? null,
    channels: document?.channels().all().length ?? 0,
    problems: problems.map((found) => `${found.path.join(".")}: ${found.message}`),
  };
}

function validate(folder) {
  const ajv = new Ajv2020({ strict: true, allErrors: true });
  const checks = new Map();
  for (const name of readdirSync(folder)) {
    checks.set(name.replace(/\.json$/, ""), ajv.compile(JSON.parse(readFileSync(join(folder, name), "utf8"))));
  }
  const pairs = JSON.parse(readFileSync(0, "utf8"));
  return pairs.map(([schema, payload]) => {
    const check = checks.get(schema);
    if (check === undefined) return [`there is no schema ${schema}`];
    return check(payload) ? [] : check.errors.map((error) => `${error.instancePath} ${error.message}`);
  });
}

const [what, where] = process.argv.slice(2);
console.log(JSON.stringify(what === "parse" ? await parse(where) : validate(where)));
