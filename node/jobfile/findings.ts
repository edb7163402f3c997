/** Problems while they are being found: paths as segments, places as offsets into the text. */
import type { Problem } from "../../federation/index.ts";
import { PROBLEMS_MAX } from "./limits.ts";
import type { Positions } from "./text/positions.ts";

export type Path = readonly (string | number)[];

/** Where there is no text: the job came as a value. */
export const NOWHERE = -1;

export interface Finding {
  readonly path: Path;
  readonly offset: number;
  readonly message: string;
  readonly hint?: string | undefined;
}

/** More than are ever told, so that those are the first in the file; few, since each may cost a guess. */
const FINDINGS_MAX = 200;

export class Findings {
  readonly #items: Finding[] = [];
  #total = 0;

  add(finding: Finding): void {
    this.#total += 1;
    if (this.#items.length < FINDINGS_MAX) this.#items.push(finding);
  }

  /** More are counted, not kept: no work on what they say is worth it. */
  get full(): boolean {
    return this.#items.length >= FINDINGS_MAX;
  }

  get total(): number {
    return this.#total;
  }

  /** In the order of the text, at most `PROBLEMS_MAX`. */
  problems(positions: Positions | undefined): readonly Problem[] {
    const sorted = this.#items.toSorted((left, right) => left.offset - right.offset);
    const tooMany = this.#total > PROBLEMS_MAX;
    const told = sorted.slice(0, tooMany ? PROBLEMS_MAX - 1 : PROBLEMS_MAX).map((finding) => ({
      path: formatPath(finding.path),
      message: finding.message,
      ...(positions === undefined || finding.offset < 0 ? {} : positions.at(finding.offset)),
      ...(finding.hint === undefined ? {} : { hint: finding.hint }),
    }));
    if (tooMany) told.push({ path: "", message: `and ${this.#total - told.length} more problems` });
    return told;
  }
}

const PLAIN_SEGMENT = /^[A-Za-z0-9_-]{1,64}$/u;
const SEGMENT_LENGTH_MAX = 64;

/** `groups.web.services[0].port`; a key that would be ambiguous stands in quotes: `groups["a.b"].count`. */
function formatPath(path: Path): string {
  let text = "";
  for (const segment of path) {
    if (typeof segment === "number") text += `[${segment}]`;
    else if (PLAIN_SEGMENT.test(segment)) text += text === "" ? segment : `.${segment}`;
    else text += `[${quote(segment)}]`;
  }
  return text;
}

/** The reverse of `formatPath`; undefined when the text is not such a path. */
export function parsePath(text: string): Path | undefined {
  const path: (string | number)[] = [];
  const segment = /(?:^|\.)([A-Za-z0-9_-]+)|\[([0-9]{1,9})\]|\[("(?:[^"\\]|\\.)*")\]/uy;
  while (segment.lastIndex < text.length) {
    const match = segment.exec(text);
    if (match === null) return undefined;
    const [, key, index, quoted] = match;
    if (key !== undefined) path.push(key);
    else if (index !== undefined) path.push(Number(index));
    else path.push(unquote(quoted ?? ""));
  }
  return path;
}

function unquote(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}

/** A text for a message: in quotes, without control characters, not longer than a line. */
export function quote(text: string): string {
  const short = text.length > SEGMENT_LENGTH_MAX ? `${text.slice(0, SEGMENT_LENGTH_MAX - 1)}…` : text;
  return JSON.stringify(short);
}
