/** Pages of lists: a stable order, an opaque token, a bound on the rows that one request looks at. */
import type { TSchema } from "@sinclair/typebox";
import { invariant, PeerError } from "../../../federation/index.ts";
import { LIST_LIMIT_MAX, type ListQuery } from "../schemas/common.ts";
import { parseFilter, type Test } from "./filter.ts";

/**
 * A page may hold fewer rows than asked for (`next` says that there are more): a filter looks at this many
 * at most.
 */
export const SCAN_ROWS_MAX = 10_000;
const TOKEN_VERSION = 1;

/** A list and its total order: by `major`, as `things` are in already, then by `minor`. */
export interface Listing<Thing, Row> {
  /** Told in the token, so that one list's token is not taken for another's. */
  readonly name: string;
  readonly things: readonly Thing[];
  major(thing: Thing): number | string;
  minor(thing: Thing): string;
  readonly schema: TSchema;
  toRow(thing: Thing): Row;
}

export interface Page<Row> {
  items: Row[];
  next: string | null;
}

type Position = readonly [major: number | string, minor: string];

/**
 * PeerError `bad_request` for a bad filter or token. Rows that come or go between pages shift no other row.
 */
export function page<Thing, Row>(list: Listing<Thing, Row>, query: ListQuery): Page<Row> {
  const limit = query.limit ?? LIST_LIMIT_MAX;
  const test: Test = query.filter === undefined ? () => true : parseFilter(query.filter, list.schema);
  const after = query.next === undefined ? undefined : decodeToken(list, query.next);
  const items: Row[] = [];
  let last: Position | undefined;
  let scanned = 0;
  for (const thing of inOrder(list, after)) {
    if (items.length === limit || scanned === SCAN_ROWS_MAX) {
      return { items, next: last === undefined ? null : encodeToken(list, last) };
    }
    const row = list.toRow(thing);
    if (test(row)) items.push(row);
    last = [list.major(thing), list.minor(thing)];
    scanned++;
  }
  return { items, next: null };
}

/**
 * Things after a position; those of one `major` are few (one plan's, one name's) and sorted as they are
 * met.
 */
function* inOrder<Thing, Row>(list: Listing<Thing, Row>, after: Position | undefined): Generator<Thing> {
  let at = after === undefined ? 0 : firstNotBelow(list, after[0]);
  while (at < list.things.length) {
    const major = majorAt(list, at);
    const run: Thing[] = [];
    for (; at < list.things.length && majorAt(list, at) === major; at++) run.push(thingAt(list, at));
    invariant(at === list.things.length || majorAt(list, at) > major, `${list.name} are out of order`);
    run.sort((left, right) => (list.minor(left) < list.minor(right) ? -1 : 1));
    for (const thing of run) {
      if (after === undefined || major > after[0] || list.minor(thing) > after[1]) yield thing;
    }
  }
}

function thingAt<Thing, Row>(list: Listing<Thing, Row>, at: number): Thing {
  const thing = list.things[at];
  invariant(thing !== undefined, `${list.name} have a hole`);
  return thing;
}

function majorAt<Thing, Row>(list: Listing<Thing, Row>, at: number): number | string {
  return list.major(thingAt(list, at));
}

function firstNotBelow<Thing, Row>(list: Listing<Thing, Row>, major: number | string): number {
  let low = 0;
  let high = list.things.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (majorAt(list, middle) < major) low = middle + 1;
    else high = middle;
  }
  return low;
}

function encodeToken<Thing, Row>(list: Listing<Thing, Row>, position: Position): string {
  return Buffer.from(JSON.stringify([TOKEN_VERSION, list.name, ...position])).toString("base64url");
}

function decodeToken<Thing, Row>(list: Listing<Thing, Row>, token: string): Position {
  const parts = parseToken(token);
  if (Array.isArray(parts) && parts.length === 4 && parts[0] === TOKEN_VERSION && parts[1] === list.name) {
    const [, , major, minor] = parts as readonly unknown[];
    const isMajor = list.things[0] === undefined || typeof major === typeof list.major(list.things[0]);
    if (isMajor && (typeof major === "number" || typeof major === "string") && typeof minor === "string") {
      return [major, minor];
    }
  }
  throw new PeerError("bad_request", "next: not a token of this list", {
    hint: "pass the `next` of the page before as it is, or leave it out for the first page",
    details: [{ path: "query.next", message: "not a token of this list" }],
  });
}

function parseToken(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
