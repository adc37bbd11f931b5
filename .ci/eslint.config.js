import { fileURLToPath } from "node:url";
import js from "@eslint/js";
import tseslint from "typescript-eslint";
import { layers } from "./layers.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const product = ["src/**/*.ts", "bridges/**/*.ts"];
const httpFolders = ["src/guard/**", "src/matrix/**", "src/ops/**", "fixtures/**", "test/**"];
const nodeGlobals = Object.fromEntries(
  ["process", "console", "Buffer", "URL", "fetch", "AbortSignal", "AbortController"]
    .concat(["setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate"])
    .concat(["TextEncoder", "TextDecoder", "structuredClone", "performance", "Response", "Request"])
    .map((name) => [name, "readonly"]),
);

const browserGlobals = Object.fromEntries(
  ["document", "location", "sessionStorage", "addEventListener", "scrollTo", "fetch"]
    .concat(["Node", "HTMLTableCellElement", "FormData", "URLSearchParams"])
    .map((name) => [name, "readonly"]),
);

export default tseslint.config(
  { ignores: ["**/node_modules/**", ".ci/*.d.ts", ".cache/**", "dist/**", "data/**"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    plugins: { layers },
    rules: {
      "layers/imports": "error",
      eqeqeq: ["error", "always"],
      "max-lines": ["error", { max: 300, skipBlankLines: true, skipComments: true }],
      "no-restricted-syntax": [
        "error",
        {
          selector: "MemberExpression[object.name=/^(describe|it|test)$/][property.name='only']",
          message: "a focused test hides all others",
        },
      ],
    },
  },
  { files: ["**/*.{js,mjs}"], languageOptions: { globals: nodeGlobals } },
  { files: ["src/ops/console/*.js"], languageOptions: { globals: browserGlobals } },
  {
    files: ["**/*.{ts,mts}"],
    extends: [tseslint.configs.strict],
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: root,
      },
    },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-dynamic-delete": "off",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrorsIgnorePattern: "^_" },
      ],
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/return-await": ["error", "in-try-catch"],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
    },
  },
  {
    files: product,
    rules: {
      "no-console": "error",
      "max-lines-per-function": ["error", { max: 50, skipBlankLines: true, skipComments: true }],
      "@typescript-eslint/no-unsafe-argument": "error",
      "@typescript-eslint/no-unsafe-assignment": "error",
      "@typescript-eslint/no-unsafe-call": "error",
      "@typescript-eslint/no-unsafe-member-access": "error",
      "@typescript-eslint/no-unsafe-return": "error",
    },
  },
  {
    files: product,
    ignores: httpFolders,
    rules: {
      "no-restricted-globals": [
        "error",
        { name: "fetch", message: "outgoing HTTP goes through src/guard (BridgeContext.fetch)" },
      ],
    },
  },
  { files: ["src/cli/**/*.ts"], rules: { "no-console": "off" } },
);
