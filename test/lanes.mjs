/**
 * The lanes of `npm test`: a folder of test files, its limit per test and hook, and what it needs on the machine.
 * `alone`: it kills processes or loads a homeserver, so its files run one at a time, after all others.
 */
export const lanes = [
  { name: "unit", folder: "unit", timeout: 10_000, alone: false, needs: ["xmlsec1", "xmllint"] },
  {
    name: "bridges",
    folder: "bridges",
    timeout: 30_000,
    alone: false,
    needs: ["xmlsec1", "xmllint"],
  },
  {
    name: "conformance",
    folder: "conformance",
    timeout: 60_000,
    alone: false,
    needs: ["redis", "postgres"],
  },
  { name: "homeserver", folder: "homeserver", timeout: 60_000, alone: false, needs: [] },
  {
    name: "faults",
    folder: "faults",
    timeout: 180_000,
    alone: true,
    needs: ["redis", "postgres", "synapse"],
  },
  { name: "interop", folder: "interop", timeout: 180_000, alone: true, needs: [] },
  {
    name: "synapse",
    folder: "e2e",
    timeout: 180_000,
    alone: true,
    needs: ["redis", "postgres", "synapse"],
  },
];
