/** JSON (RFC 8259) to a tree. `JSON.parse` keeps no places, drops duplicate keys, words errors badly. */
import type { Path } from "../findings.ts";
import type { Positions } from "./positions.ts";
import { Refusal, type Tree, type TreeBuilder, type TreeEntry } from "./tree.ts";

/** Throws Refusal at the first syntax error or past a limit. */
export function treeOfJson(text: string, builder: TreeBuilder, positions: Positions): Tree {
  return new JsonReader(text, builder, positions).readAll();
}

const END = "the end of the file";
const WHITESPACE = /[\t\n\r ]*/uy;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/uy;
const WORD = /[A-Za-z0-9_.$+-]+/uy;
const COMMENT_HINT = "JSON has no comments; a file that ends in .yaml may have them, after #";

class JsonReader {
  readonly #text: string;
  readonly #builder: TreeBuilder;
  readonly #positions: Positions;
  #at = 0;

  constructor(text: string, builder: TreeBuilder, positions: Positions) {
    this.#text = text;
    this.#builder = builder;
    this.#positions = positions;
  }

  readAll(): Tree {
    if (this.#text.startsWith("\uFEFF")) this.#at = 1;
    this.#skip();
    if (this.#at >= this.#text.length) {
      throw new Refusal("the file is empty", 0, [], 'start with { "job": "NAME" …');
    }
    const tree = this.#read([]);
    this.#skip();
    if (this.#at < this.#text.length) throw this.#unexpected(END, []);
    return tree;
  }

  #read(path: Path): Tree {
    const start = this.#at;
    const character = this.#text[start];
    if (character === "{") return this.#readMap(path);
    if (character === "[") return this.#readList(path);
    if (character === '"') return this.#builder.text(this.#readText(path), start, path);
    const number = this.#match(NUMBER);
    if (number !== undefined && !/[\w.+-]/u.test(this.#text[this.#at] ?? "")) {
      return this.#builder.number(Number(number), start, path, number);
    }
    this.#at = start;
    const word = this.#match(WORD);
    if (word === "true" || word === "false") return this.#builder.boolean(word === "true", start, path, word);
    if (word === "null") return this.#builder.null(start, path);
    this.#at = start;
    throw this.#unexpected("a value", path);
  }

  #readMap(path: Path): Tree {
    const offset = this.#open(path);
    const seen = new Map<string, number>();
    const entries = new Map<string, TreeEntry>();
    const line = (first: number): string => `; first in line ${this.#positions.at(first).line}`;
    while (!this.#closes("}", seen.size > 0, offset, path)) {
      const keyOffset = this.#at;
      if (this.#text[keyOffset] !== '"') throw this.#unexpected('a name in double quotes or "}"', path);
      const key = this.#readText(path);
      this.#skip();
      if (this.#text[this.#at] !== ":") throw this.#unexpected('":" after the name', [...path, key]);
      this.#at += 1;
      this.#skip();
      const admitted = this.#builder.admitKey(key, keyOffset, path, seen, line);
      const value = this.#read([...path, key]);
      if (admitted) entries.set(key, { keyOffset, value });
    }
    return { kind: "map", entries, offset };
  }

  #readList(path: Path): Tree {
    const offset = this.#open(path);
    const items: Tree[] = [];
    while (!this.#closes("]", items.length > 0, offset, path)) {
      items.push(this.#read([...path, items.length]));
    }
    return { kind: "list", items, offset };
  }

  #open(path: Path): number {
    const offset = this.#at;
    this.#builder.spend({ nodes: 1, characters: 0 }, offset, path);
    this.#at += 1;
    return offset;
  }

  /** Steps over the comma between two items; true when the bracket closes instead. */
  #closes(bracket: "}" | "]", hasItems: boolean, open: number, path: Path): boolean {
    this.#skip();
    if (this.#at >= this.#text.length) throw this.#unclosed(open, path);
    if (this.#text[this.#at] === bracket) {
      this.#at += 1;
      return true;
    }
    if (!hasItems) return false;
    const comma = this.#at;
    if (this.#text[comma] !== ",") throw this.#unexpected(`"," or "${bracket}"`, path);
    this.#at += 1;
    this.#skip();
    if (this.#text[this.#at] === bracket) {
      throw new Refusal(`JSON: a comma before "${bracket}"`, comma, path, "remove the comma");
    }
    return false;
  }

  #readText(path: Path): string {
    const start = this.#at;
    let end = start + 1;
    for (; ; end += 1) {
      const code = this.#text.charCodeAt(end);
      if (code === 0x22) break;
      if (code === 0x5c) end += 1;
      else if (Number.isNaN(code)) {
        throw new Refusal("JSON: this text is not closed", start, path, 'add the missing "');
      } else if (code < 0x20) {
        const hint =
          code === 0x0a ? 'add the missing " or write a line break as \\n' : "write it as an escape";
        throw new Refusal("JSON: a control character in a text", end, path, hint);
      }
    }
    this.#at = end + 1;
    try {
      return String(JSON.parse(this.#text.slice(start, end + 1)));
    } catch {
      const hint = 'an escape is one of \\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u with four hexadecimal digits';
      throw new Refusal("JSON: a bad escape in a text", start, path, hint);
    }
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text)?.[0];
    this.#at += match?.length ?? 0;
    return match;
  }

  #skip(): void {
    this.#match(WHITESPACE);
  }

  #unclosed(open: number, path: Path): Refusal {
    const { line } = this.#positions.at(open);
    const message = `JSON: the file ends too early; the ${this.#text[open]} of line ${line} is not closed`;
    return new Refusal(message, this.#text.length, path);
  }

  #unexpected(wanted: string, path: Path): Refusal {
    const offset = this.#at;
    const character = String.fromCodePoint(this.#text.codePointAt(offset) ?? 0);
    if (offset >= this.#text.length) {
      return new Refusal(`JSON: the file ends too early; expected ${wanted}`, offset, path);
    }
    const found = this.#match(WORD) ?? character;
    const message = `JSON: expected ${wanted}, this is ${JSON.stringify(found.slice(0, 40))}`;
    return new Refusal(message, offset, path, unexpectedHint(wanted, character, found));
  }
}

function unexpectedHint(wanted: string, character: string, found: string): string | undefined {
  if (character === "/" || character === "#") return COMMENT_HINT;
  if (wanted.startsWith('","') && /[\w"[{-]/u.test(character)) return "add the comma";
  if (character === "'") return "JSON quotes texts with double quotes";
  if (wanted === "a value" && /^[-+.]?[0-9]/u.test(found))
    return "write the number as in 12, -3 or 0.5, anything else in double quotes";
  if (/^(?:True|False|None|NaN|Infinity|undefined)$/u.test(found)) return "JSON knows true, false and null";
  if (/^[A-Za-z_$]/u.test(found) && wanted !== END) return "texts and names stand in double quotes";
  return character === "," ? "a value is missing before the comma" : undefined;
}
