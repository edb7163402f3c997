/** The words of a filter expression, each with its place. */
import { PeerError } from "../../../federation/index.ts";

export interface Token {
  readonly kind: "word" | "text" | "number" | "mark" | "end";
  /** For `text`: without its quotes. */
  readonly text: string;
  /** Counts from 1. */
  readonly column: number;
}

const SPACE = /[ \t\r\n]+/y;
const WORD = /[A-Za-z_][A-Za-z0-9_/-]*/y;
const NUMBER = /-?[0-9]+(?:\.[0-9]+)?(?![A-Za-z0-9_])/y;
const MARK = /==|!=|[()[\].]/y;
/** Each character is read in one way only, so matching takes one pass. */
const QUOTED = /"(?:[^"\\]|\\["\\/nrt])*"/y;
const RAW = /`[^`]*`/y;
const ESCAPE = /\\(.)/g;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/**
 * The tokens of `text`, closed by one of kind `end`. PeerError `bad_request` names the column of what is
 * none.
 */
export function tokens(text: string): readonly Token[] {
  const result: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text)?.[0];
    at += match?.length ?? 0;
    return match;
  };
  for (;;) {
    take(SPACE);
    const column = at + 1;
    if (at === text.length) return [...result, { kind: "end", text: "", column }];
    const quoted = take(QUOTED);
    const raw = quoted === undefined ? take(RAW) : undefined;
    if (quoted !== undefined) result.push({ kind: "text", text: unquote(quoted), column });
    else if (raw !== undefined) result.push({ kind: "text", text: raw.slice(1, -1), column });
    else result.push(plainToken(take, column) ?? refuse(text, at));
  }
}

function plainToken(take: (pattern: RegExp) => string | undefined, column: number): Token | undefined {
  const word = take(WORD);
  if (word !== undefined) return { kind: "word", text: word, column };
  const number = take(NUMBER);
  if (number !== undefined) return { kind: "number", text: number, column };
  const mark = take(MARK);
  return mark === undefined ? undefined : { kind: "mark", text: mark, column };
}

function unquote(quoted: string): string {
  return quoted.slice(1, -1).replace(ESCAPE, (_, letter: string) => ESCAPES[letter] ?? letter);
}

function refuse(text: string, at: number): never {
  const character = text[at] ?? "";
  const isQuote = character === '"' || character === "`";
  throw filterError(
    at + 1,
    isQuote ? "a text that does not end, or has an unknown escape" : `unexpected "${character}"`,
    /[0-9]/.test(character) ? "put quotes around what is not a plain number" : undefined,
  );
}

/** All that is wrong with a filter is told in this form. */
export function filterError(column: number, message: string, hint?: string): PeerError {
  return new PeerError("bad_request", `filter: column ${column}: ${message}`, {
    hint: hint ?? 'a filter reads like: status == "running" and not (job == "web" or ports contains http)',
    details: [{ path: "query.filter", message, line: 1, column, ...(hint === undefined ? {} : { hint }) }],
  });
}
