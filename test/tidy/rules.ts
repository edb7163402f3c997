import { posix } from "node:path";
import { type Import, isNode, nodesOf, type Source, type SyntaxNode } from "./source.ts";
import * as table from "./table.ts";

/** What is wrong, starting with the place: `node/agent/agent.ts:12 …`. */
export type Violation = string;

type Rule = (source: Source) => Violation[];

const topOf = (path: string) => path.split("/")[0] ?? "";
const isIn = (path: string, places: readonly string[]) => places.some((place) => path.startsWith(place));
const at = (source: Source, line: number, text: string) => `${source.path}:${line} ${text}`;

/** Folders import downwards only, and one another only through index.ts; tests reach everything. */
const importTable: Rule = (source) => {
  const own = topOf(source.path);
  const allowed = table.IMPORT_TABLE.get(own) ?? [];
  return source.imports.flatMap(({ specifier, line }) => {
    if (!specifier.startsWith(".")) return [];
    const target = posix.join(posix.dirname(source.path), specifier);
    const folder = topOf(target);
    if (folder === own || target === "package.json") return [];
    if (!allowed.includes(folder)) return [at(source, line, `${own} may not import ${folder}`)];
    if (own === "test" || target === `${folder}/index.ts`) return [];
    return [at(source, line, `imports ${target}: across folders only through ${folder}/index.ts`)];
  });
};

/** Every external package has one home. */
const packageHomes: Rule = (source) =>
  source.imports.flatMap(({ specifier, line }) => {
    if (specifier.startsWith(".") || specifier.startsWith("node:")) return [];
    const name = specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/");
    const homes = table.PACKAGE_HOMES.get(name);
    if (homes && (isIn(source.path, homes) || source.path.startsWith("test/"))) return [];
    return [
      at(source, line, homes ? `${name} belongs to ${homes.join(", ")}` : `${name} has no home in the table`),
    ];
  });

/** The core is synchronous and knows nothing of Node. */
const pureCore: Rule = (source) => {
  if (topOf(source.path) !== "federation") return [];
  const builtins = source.imports
    .filter(({ specifier }) => specifier.startsWith("node:"))
    .map(({ specifier, line }) => at(source, line, `imports ${specifier}: the core knows nothing of Node`));
  const waiting = nodesOf(source.tree)
    .filter((node) => node["async"] === true || node.type === "AwaitExpression" || node["await"] === true)
    .map((node) => at(source, source.lineOf(node.start), "waits: the core is synchronous"));
  return [...builtins, ...waiting];
};

/**
 * Only the real ports touch the world. Unit tests may use files and processes, but never the clock or chance.
 */
const realPorts: Rule = (source) => {
  if (isIn(source.path, table.REAL_PORTS)) return [];
  const found = nodesOf(source.tree).flatMap((node) => {
    const effect = effectOf(node);
    return effect ? [{ effect, line: source.lineOf(node.start) }] : [];
  });
  const imports = source.imports.flatMap((each) =>
    importEffects(each).map((effect) => ({ effect, line: each.line })),
  );
  return [...found, ...imports]
    .filter(({ effect }) => !source.path.startsWith("test/") || isHiddenInput(effect))
    .map(({ effect, line }) => at(source, line, `uses ${effect}: only a real port may (test/tidy/table.ts)`));
};

const hiddenInput =
  /^(Date|new Date|Math|performance|set(Timeout|Interval|Immediate)|process\.hrtime|node:timers)/;

function isHiddenInput(effect: string): boolean {
  return hiddenInput.test(effect);
}

function importEffects({ specifier, typeOnly, names }: Import): string[] {
  if (typeOnly) return [];
  if (table.EFFECT_MODULES.has(specifier)) return [specifier];
  if (specifier !== "node:crypto") return [];
  return names.filter((name) => table.RANDOM_EXPORT.test(name)).map((name) => `node:crypto's ${name}`);
}

function effectOf(node: SyntaxNode): string | undefined {
  if (node.type === "MemberExpression") return memberEffect(node);
  const { callee } = node;
  if (!isNode(callee) || callee.type !== "Identifier") return undefined;
  const name = String(callee["name"]);
  if (name === "Date" && node.type === "CallExpression") return "Date()";
  if (name === "Date")
    return Array.isArray(node["arguments"]) && node["arguments"].length > 0 ? undefined : "new Date()";
  return table.EFFECT_FUNCTIONS.has(name) ? `${name}()` : undefined;
}

function memberEffect({ object, property }: SyntaxNode): string | undefined {
  if (!isNode(object) || object.type !== "Identifier" || !isNode(property)) return undefined;
  const owner = String(object["name"]);
  const member = String(property["name"] ?? property["value"]);
  if (owner === "globalThis" && table.EFFECT_FUNCTIONS.has(member)) return `${member}()`;
  return table.EFFECT_MEMBERS.get(owner)?.has(member) ? `${owner}.${member}` : undefined;
}

const functionTypes = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

const functionLength: Rule = (source) =>
  nodesOf(source.tree).flatMap((node) => {
    if (table.SCRIPTS.includes(source.path)) return [];
    if (!functionTypes.has(node.type) || listsTests(source, node)) return [];
    const first = source.lineOf(node.start);
    const lines = source.lineOf(node.end) - first + 1;
    const { functionLines } = table.LIMITS;
    return lines > functionLines
      ? [at(source, first, `function of ${lines} lines: at most ${functionLines}`)]
      : [];
  });

const registrars = new Set(["describe", "it", "suite", "test"]);

/** A suite's function only lists its tests: it may be longer. */
function listsTests(source: Source, { body }: SyntaxNode): boolean {
  if (!source.path.startsWith("test/") || !isNode(body) || !Array.isArray(body["body"])) return false;
  return body["body"].filter(isNode).some(({ expression }) => {
    const callee = isNode(expression) ? expression["callee"] : undefined;
    return isNode(callee) && registrars.has(String(callee["name"]));
  });
}

const fileSizes: Rule = (source) => {
  const lines = source.text.split("\n");
  const { fileLines, indexLines, testLineColumns } = table.LIMITS;
  const isText = source.path.startsWith("test/") || table.SCRIPTS.includes(source.path);
  const lineColumns = isText ? testLineColumns : table.LIMITS.lineColumns;
  const limit = posix.basename(source.path) === "index.ts" ? indexLines : fileLines;
  const tooLong =
    lines.length - 1 > limit ? [`${source.path} has ${lines.length - 1} lines: at most ${limit}`] : [];
  const wide = lines.flatMap((line, index) =>
    [...line].length > lineColumns ? [at(source, index + 1, `line of over ${lineColumns} columns`)] : [],
  );
  return [...tooLong, ...wide];
};

/** A folder's index.ts only says what others may see. */
const indexFiles: Rule = (source) => {
  if (!/^[^/]+\/index\.ts$/.test(source.path)) return [];
  const body = source.tree["body"];
  const others = (Array.isArray(body) ? body : []).filter(isNode).filter((node) => !isNode(node["source"]));
  return others.map((node) => at(source, source.lineOf(node.start), "index.ts holds more than re-exports"));
};

const namedExports: Rule = (source) =>
  nodesOf(source.tree)
    .filter(({ type }) => type === "ExportDefaultDeclaration")
    .map((node) => at(source, source.lineOf(node.start), "default export: export it by name"));

const unfinished = /\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b|@ts-(?:ignore|nocheck)/;

const finished: Rule = (source) =>
  source.text.split("\n").flatMap((line, index) => {
    const word = unfinished.exec(line)?.[0];
    return word ? [at(source, index + 1, `${word}: finish it, or write it into an issue`)] : [];
  });

const hooks = new Set(["before", "after", "beforeEach", "afterEach"]);

/**
 * Unit tests share a process: a hook at the top of a file would run for every file, `only` would silence
 * them.
 */
const sharedProcess: Rule = (source) => {
  if (!source.path.endsWith(".test.ts")) return [];
  const only = nodesOf(source.tree)
    .filter(
      ({ type, property }) => type === "MemberExpression" && isNode(property) && property["name"] === "only",
    )
    .map((node) => at(source, source.lineOf(node.start), "only: all tests run"));
  if (source.path.startsWith("test/e2e/")) return only;
  const body = source.tree["body"];
  const top = (Array.isArray(body) ? body : []).filter(isNode).flatMap((node) => {
    const expression = node["expression"];
    const callee = isNode(expression) ? expression["callee"] : undefined;
    const hook = isNode(callee) ? String(callee["name"]) : "";
    return hooks.has(hook) ? [at(source, source.lineOf(node.start), `${hook}() outside a describe()`)] : [];
  });
  return [...only, ...top];
};

/** Files that register tests are found by their name; contract suites are called by those. */
const reachableTests: Rule = (source) => {
  const registers = source.imports.some(({ specifier, typeOnly }) => specifier === "node:test" && !typeOnly);
  if (!registers || source.path.endsWith(".test.ts")) return [];
  if (isIn(source.path, ["test/contract/", "test/support/", "test/main.ts", "test/runner/"])) return [];
  return [`${source.path} registers tests that nothing runs: name it *.test.ts, under test/`];
};

const rules: readonly Rule[] = [
  ...[importTable, packageHomes, pureCore, realPorts, functionLength, fileSizes, indexFiles, namedExports],
  ...[finished, sharedProcess, reachableTests],
];

export function checkSource(source: Source): Violation[] {
  return rules.flatMap((rule) => rule(source));
}
