import module from "node:module";
import { parseAst } from "rollup/parseAst";

/** A node of the syntax tree (ESTree), as far as the rules read it. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [property: string]: unknown;
}

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Erased before the code runs. */
  readonly typeOnly: boolean;
  /** Names taken from the module; empty for `import * as`, a bare import and `import()`. */
  readonly names: readonly string[];
}

export interface Source {
  /** From the root, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly tree: SyntaxNode;
  readonly imports: readonly Import[];
  lineOf(offset: number): number;
}

const typeOnlyStatement = /^((?:import|export) +)type(?= +(?:[{*]|\w+ +from\b))/gm;

/**
 * Reads a module of TypeScript or JavaScript. Types are erased in place, so all offsets are those of the
 * text.
 * @throws SyntaxError where it can't be parsed
 */
export function parseSource(path: string, text: string): Source {
  const typeOnlyAt = new Set<number>();
  // Type-only statements are imports too for the import table: kept by dropping the one word.
  const kept = text.replace(typeOnlyStatement, (match, keyword: string, offset: number) => {
    typeOnlyAt.add(offset);
    return keyword.padEnd(match.length);
  });
  const script = path.endsWith(".ts") ? module.stripTypeScriptTypes(kept) : kept;
  const tree = parseAst(script.replace(/^#!.*/, (line) => " ".repeat(line.length))) as unknown as SyntaxNode;
  const lineStarts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const lineOf = (offset: number) => lineStarts.findLastIndex((start) => start <= offset) + 1;
  const imports = nodesOf(tree).flatMap((node) => importOf(node, typeOnlyAt, lineOf) ?? []);
  return { path, text, tree, imports, lineOf };
}

function importOf(
  node: SyntaxNode,
  typeOnlyAt: ReadonlySet<number>,
  lineOf: (offset: number) => number,
): Import | undefined {
  const source = node["source"];
  if (!isNode(source) || typeof source["value"] !== "string") return undefined;
  const specifiers = Array.isArray(node["specifiers"]) ? node["specifiers"].filter(isNode) : [];
  return {
    specifier: source["value"],
    line: lineOf(node.start),
    typeOnly: typeOnlyAt.has(node.start),
    names: specifiers.flatMap(({ imported }) => (isNode(imported) ? [String(imported["name"])] : [])),
  };
}

export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** All nodes below one, itself included, parents before children. */
export function nodesOf(node: SyntaxNode): SyntaxNode[] {
  const children = Object.values(node).flat().filter(isNode);
  return [node, ...children.flatMap(nodesOf)];
}
