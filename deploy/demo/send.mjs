/** `node deploy/demo/send.mjs [citizen …]` on the machine's own Node (>= 20): see send.ts. */
import path from "node:path";
import { projectRoot } from "../tools/paths.mjs";
import { runOnNode24 } from "../../src/launch.mjs";

const script = path.join(projectRoot, "deploy", "demo", "send.ts");
process.exitCode = await runOnNode24({ script, args: process.argv.slice(2), env: process.env });
