/**
 * Import rules of the tree (design §2): which folder may reach which, and who may open HTTP connections.
 * A rule of our own, because the answer depends on where a relative path ends, not on how it is spelled.
 */
import path from "node:path";

const bridgeMayReach = ["src/bridge/", "src/model/", "src/guard/"];
const srcMayNotReach = ["bridges/", "fixtures/", "test/", "deploy/"];
const httpModules = new Set(["http", "https", "http2", "undici"]);
const httpAllowed = ["src/guard/", "src/matrix/", "src/ops/", "fixtures/", "test/", "deploy/"];

const startsWithAny = (text, prefixes) => prefixes.some((prefix) => text.startsWith(prefix));

/** @param {string} file a path relative to the root @param {string} specifier as written in the import */
export function judgeImport(file, specifier, typeOnly = false) {
  const name = specifier.replace(/^node:/, "").split("/")[0] ?? "";
  if (httpModules.has(name) && !typeOnly && !startsWithAny(file, httpAllowed))
    return `'${specifier}' only under ${httpAllowed.join(", ")}: outgoing HTTP goes through src/guard`;
  const target = resolveTarget(file, specifier);
  if (target === undefined) return undefined;
  if (file.startsWith("bridges/")) {
    const own = file.split("/").slice(0, 2).join("/") + "/";
    if (!startsWithAny(target, [own, ...bridgeMayReach]))
      return `a bridge imports only ${bridgeMayReach.join(", ")}, its own folder and packages, not '${target}'`;
  }
  if (file.startsWith("src/") && startsWithAny(target, srcMayNotReach))
    return `src/ never imports '${target}': ${srcMayNotReach.join(", ")} depend on src, not the other way round`;
  return undefined;
}

function resolveTarget(file, specifier) {
  if (specifier.startsWith("."))
    return path.posix.normalize(path.posix.join(path.posix.dirname(file), specifier));
  if (specifier === "postfach-bridge/bridge") return "src/bridge/";
  if (specifier === "postfach-bridge/model") return "src/model/";
  if (specifier.startsWith("postfach-bridge/")) return "test/";
  return undefined;
}

/** @type {import("eslint").Rule.RuleModule} */
const imports = {
  meta: { type: "problem", schema: [], messages: { layer: "{{ reason }}" } },
  create(context) {
    const file = path.relative(context.cwd, context.filename).split(path.sep).join("/");
    const judge = (node, source, typeOnly) => {
      if (source?.type !== "Literal" || typeof source.value !== "string") return;
      const reason = judgeImport(file, source.value, typeOnly);
      if (reason !== undefined) context.report({ node, messageId: "layer", data: { reason } });
    };
    return {
      ImportDeclaration: (node) => judge(node, node.source, node.importKind === "type"),
      ExportNamedDeclaration: (node) => judge(node, node.source, node.exportKind === "type"),
      ExportAllDeclaration: (node) => judge(node, node.source, node.exportKind === "type"),
      ImportExpression: (node) => judge(node, node.source, false),
    };
  },
};

export const layers = { rules: { imports } };
