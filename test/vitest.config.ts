import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { lanes } from "./lanes.mjs";

if (Number(process.versions.node.split(".")[0]) < 24)
  throw new Error(
    `the tests need Node 24, this is ${process.version}: use \`npm test\`, or put node_modules/.bin first on the PATH`,
  );

const root = fileURLToPath(new URL("..", import.meta.url));
const parallelWorkers = Math.max(2, Math.min(8, availableParallelism() - 1));
const aloneGroup = 1;

export default defineConfig({
  root,
  cacheDir: ".cache/vite",
  test: {
    allowOnly: false,
    passWithNoTests: true,
    teardownTimeout: 20_000,
    projects: lanes.map(({ name, folder, timeout, alone }) => ({
      test: {
        name,
        root,
        include: [`test/${folder}/**/*.test.ts`],
        testTimeout: timeout,
        hookTimeout: Math.max(timeout, 60_000),
        maxWorkers: alone ? 1 : parallelWorkers,
        sequence: { groupOrder: alone ? aloneGroup : 0 },
      },
    })),
  },
});
