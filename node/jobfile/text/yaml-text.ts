/** YAML 1.2 (core schema) to a tree. Tags, merge keys and YAML 1.1 are refused: they surprise. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type ParsedNode,
  parseDocument,
  type Scalar,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import { NOWHERE, type Path, quote } from "../findings.ts";
import { SYNTAX_PROBLEMS_MAX, YAML_TOKENS_MAX } from "../limits.ts";
import type { Positions } from "./positions.ts";
import { type Cost, heightOf, Refusal, type Tree, type TreeBuilder, type TreeEntry } from "./tree.ts";

/** Undefined when the syntax is broken; the builder's findings say how. Throws Refusal past a limit. */
export function treeOfYaml(text: string, builder: TreeBuilder, positions: Positions): Tree | undefined {
  refuseDense(text);
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    merge: false,
    resolveKnownTags: false,
    stringKeys: true,
    // Checked below: the library compares every key with every other.
    uniqueKeys: false,
    prettyErrors: false,
    // Not "silent": that would let a second document pass unseen.
    logLevel: "error",
  });
  if (document.errors.length > 0 || !checkDirectives(document, builder)) {
    reportErrors(document.errors, builder);
    return undefined;
  }
  if (document.contents === null) throw new Refusal("the file is empty", 0, [], START_HINT);
  return new YamlReader(builder, positions).read(document.contents as ParsedNode, []);
}

const START_HINT = 'start with "job: NAME"; see examples/hello.yaml';

/** Lexing is linear and cheap; composing what is refused here would take seconds. */
function refuseDense(text: string): void {
  let count = 0;
  for (const _token of new Lexer().lex(text)) {
    count += 1;
    if (count > YAML_TOKENS_MAX) {
      throw new Refusal(`the file has more than ${YAML_TOKENS_MAX} YAML tokens`, 0, [], "split the job");
    }
  }
}

function checkDirectives(document: Document, builder: TreeBuilder): boolean {
  const version = document.directives?.yaml;
  if (version?.explicit !== true || version.version === "1.2") return true;
  builder.findings.add({
    path: [],
    offset: 0,
    message: `job files are YAML 1.2; this one says ${version.version}`,
    hint: "remove the %YAML line",
  });
  return false;
}

const ERROR_HINTS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "YAML is indented with spaces",
  BAD_INDENT: "things of one level start in the same column",
  BLOCK_AS_IMPLICIT_KEY: 'a value with ": " in it needs quotes',
  MULTILINE_IMPLICIT_KEY: 'is a ":" missing after the key?',
  MULTIPLE_DOCS: "one job a file: remove what follows ---",
  BAD_SCALAR_START: "write it in quotes",
  BAD_ALIAS: "an alias (*name) needs its anchor (&name) further up; a text that starts with * needs quotes",
  BAD_DQ_ESCAPE: "use single quotes, where a backslash is just that",
  NON_STRING_KEY: "a { at the start of a value needs quotes unless a map is meant",
};

function reportErrors(errors: readonly YAMLError[], builder: TreeBuilder): void {
  const exhausted = errors.find((error) => error.code === "RESOURCE_EXHAUSTION");
  if (exhausted !== undefined) throw new Refusal("is nested too deeply", exhausted.pos[0], []);
  const sorted = errors.toSorted((left, right) => left.pos[0] - right.pos[0]);
  for (const error of sorted.slice(0, SYNTAX_PROBLEMS_MAX)) {
    builder.findings.add({
      path: [],
      offset: error.pos[0],
      message: `YAML: ${yamlMessage(error)}`,
      hint: ERROR_HINTS[error.code],
    });
  }
}

function yamlMessage(error: YAMLError): string {
  if (error.code === "MULTIPLE_DOCS") return "the file holds more than one document";
  if (error.code === "NON_STRING_KEY") return "a key must be a plain text";
  const line = error.message.split("\n", 1)[0] ?? "";
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}

const MERGE_MESSAGE = "merge keys (<<) are not part of YAML 1.2";
const MERGE_HINT = "write the fields out, or repeat a whole value with an alias: *name";

interface Anchored {
  readonly tree: Tree;
  readonly cost: Cost;
}

class YamlReader {
  readonly #builder: TreeBuilder;
  readonly #positions: Positions;
  /** "open" while its own content is read: an alias to it from there would never end. */
  readonly #anchors = new Map<string, Anchored | "open">();

  constructor(builder: TreeBuilder, positions: Positions) {
    this.#builder = builder;
    this.#positions = positions;
  }

  read(node: ParsedNode | null, path: Path, emptyOffset: number = NOWHERE): Tree {
    if (node === null) return this.#builder.null(emptyOffset, path);
    if (isAlias(node)) return this.#readAlias(node.source, node.range[0], path);
    if (node.anchor === undefined) return this.#readContent(node, path, emptyOffset);
    this.#anchors.set(node.anchor, "open");
    const before = this.#builder.cost;
    const tree = this.#readContent(node, path, emptyOffset);
    const after = this.#builder.cost;
    const cost = {
      nodes: after.nodes - before.nodes,
      characters: after.characters - before.characters,
      height: heightOf(tree),
    };
    this.#anchors.set(node.anchor, { tree, cost });
    return tree;
  }

  #readAlias(name: string, offset: number, path: Path): Tree {
    const anchored = this.#anchors.get(name);
    if (anchored === undefined) {
      throw new Refusal(`there is no anchor &${name} above`, offset, path, ERROR_HINTS["BAD_ALIAS"]);
    }
    if (anchored === "open") throw new Refusal(`*${name} stands inside of what it repeats`, offset, path);
    this.#builder.spend(anchored.cost, offset, path);
    return anchored.tree;
  }

  #readContent(
    node: Exclude<ParsedNode, { source: string; type?: never }>,
    path: Path,
    emptyOffset: number,
  ): Tree {
    const offset = node.range?.[0] ?? emptyOffset;
    this.#refuseTag(node.tag, offset, path);
    if (isMap(node)) return this.#readMap(node as YAMLMap.Parsed, offset, path);
    if (isSeq(node)) {
      this.#builder.spend({ nodes: 1, characters: 0 }, offset, path);
      const items = node.items.map((item, index) => this.read(item as ParsedNode, [...path, index], offset));
      return { kind: "list", items, offset };
    }
    if (isScalar(node)) return this.#readScalar(node, offset, path, emptyOffset);
    throw new Refusal("is of no kind that JSON has", offset, path);
  }

  #refuseTag(tag: string | undefined, offset: number, path: Path): void {
    if (tag === undefined || CORE_TAGS.has(tag)) return;
    const message = `job files have no tags; this is ${quote(tag)}`;
    this.#refuse(path, offset, message, "a text that starts with ! needs quotes");
  }

  #refuse(path: Path, offset: number, message: string, hint: string): void {
    this.#builder.findings.add({ path, offset, message, hint });
  }

  #readMap(node: YAMLMap.Parsed, offset: number, path: Path): Tree {
    this.#builder.spend({ nodes: 1, characters: 0 }, offset, path);
    const seen = new Map<string, number>();
    const entries = new Map<string, TreeEntry>();
    const describeFirst = (first: number): string => `; first in line ${this.#positions.at(first).line}`;
    for (const { key: keyNode, value } of node.items) {
      const keyOffset = keyNode.range[0];
      if (!isScalar(keyNode)) {
        throw new Refusal("a key must be a plain text", keyOffset, path, ERROR_HINTS["NON_STRING_KEY"]);
      }
      const key = String(keyNode.value ?? "");
      const isMerge = key === "<<" && keyNode.type === "PLAIN";
      if (isMerge) this.#refuse([...path, key], keyOffset, MERGE_MESSAGE, MERGE_HINT);
      const admitted = !isMerge && this.#builder.admitKey(key, keyOffset, path, seen, describeFirst);
      // Read all the same: it may hold anchors.
      const tree = this.read(value, [...path, key], keyOffset);
      if (admitted) entries.set(key, { keyOffset, value: tree });
    }
    return { kind: "map", entries, offset };
  }

  #readScalar(node: Scalar, offset: number, path: Path, emptyOffset: number): Tree {
    const { value, source } = node;
    if (typeof value === "string") return this.#builder.text(value, offset, path);
    if (typeof value === "number") return this.#builder.number(value, offset, path, source);
    if (typeof value === "boolean") return this.#builder.boolean(value, offset, path, source);
    // Nothing was written: the place of the key says more than the end of its line.
    return this.#builder.null(source === "" ? emptyOffset : offset, path);
  }
}

const CORE_TAGS = new Set(
  ["map", "seq", "str", "int", "float", "bool", "null"].map((name) => `tag:yaml.org,2002:${name}`),
);
