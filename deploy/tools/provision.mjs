/** Everything the tests and the demo need beside the npm packages, fetched side by side; what fails is a reason. */
import { ensureProgram } from "./debian.mjs";
import { showProgress } from "./progress.mjs";
import { ensureSynapse } from "./synapse-install.mjs";

const sources = {
  synapse: { title: "Synapse", ensure: ensureSynapse },
  redis: { title: "Redis", ensure: (options) => ensureProgram("redis", options) },
  postgres: { title: "PostgreSQL", ensure: (options) => ensureProgram("postgres", options) },
  xmllint: { title: "xmllint", ensure: (options) => ensureProgram("xmllint", options) },
  xmlsec1: { title: "xmlsec1", ensure: (options) => ensureProgram("xmlsec1", options) },
};

/** Answers the reason of each that cannot be had, by name. */
export async function provision(names, progress = showProgress()) {
  const reasons = new Map();
  const one = async (name) => {
    const { title, ensure } = sources[name];
    const task = progress.start(title);
    const found = await ensure({ onLine: (line) => task.phase(line) });
    if (found.reason !== undefined) reasons.set(name, found.reason);
    task.done(found.reason === undefined ? "ready" : `not available: ${found.reason}`);
  };
  await Promise.all(names.map(one));
  return reasons;
}

/** How the processes we start learn a reason: POSTFACH_NO_SYNAPSE, POSTFACH_NO_REDIS, POSTFACH_NO_POSTGRES. */
export function describeReasons(reasons) {
  return Object.fromEntries(
    [...reasons].map(([name, why]) => [`POSTFACH_NO_${name.toUpperCase()}`, why]),
  );
}
