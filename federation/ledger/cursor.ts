/**
 * Positions in a ledger's events (S23), as opaque texts that every holder of the ledger gives and understands
 * alike.
 *
 * A cursor names the last event that its holder has seen; reading goes on with the first event after it.
 * After a read of the state at an index, `endOfEntry(index)` is the position: behind all events of that
 * entry, however many they were. Within one history positions are ordered; of another region, or another
 * generation of this one, they say nothing, and the answer to such a cursor is a reset.
 */
import { invariant } from "../invariant.ts";

export interface Cursor {
  readonly regionId: string;
  readonly generation: number;
  /** Index of the entry. */
  readonly index: number;
  /** Of the event among those of its entry: 0, 1, 2 …, or `AFTER_ENTRY`. */
  readonly n: number;
}

/** `n` behind all events of an entry. */
export const AFTER_ENTRY = Number.MAX_SAFE_INTEGER;
export const CURSOR_LENGTH_MAX = 300;

/** Cursors of local events will begin otherwise. */
const KIND = "l1";
const REGION_ID = /^[\w.~-]{1,128}$/;
const FORM = /^l1\.(\d{1,16})\.(\d{1,16})\.(\d{1,16}|e)\.([\w.~-]{1,128})$/;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

export function endOfEntry(history: Pick<Cursor, "regionId" | "generation">, index: number): Cursor {
  return { regionId: history.regionId, generation: history.generation, index, n: AFTER_ENTRY };
}

/** Letters, digits, dash and underscore: fit for headers, URLs and SSE ids. One text for one position. */
export function formatCursor(cursor: Cursor): string {
  const { generation, index, n, regionId } = cursor;
  const isValid = [generation, index, n].every((part) => Number.isSafeInteger(part) && part >= 0);
  invariant(isValid && REGION_ID.test(regionId), "cursor out of range");
  const plain = [KIND, generation, index, n === AFTER_ENTRY ? "e" : n, regionId].join(".");
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Undefined for everything that `formatCursor` does not give. */
export function parseCursor(text: string): Cursor | undefined {
  if (text.length > CURSOR_LENGTH_MAX || text.length % 4 === 1 || !BASE64URL.test(text)) return undefined;
  const parts = FORM.exec(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
  const [, generation, index, n, regionId] = parts ?? [];
  if (regionId === undefined) return undefined;
  const cursor: Cursor = {
    regionId,
    generation: Number(generation),
    index: Number(index),
    n: n === "e" ? AFTER_ENTRY : Number(n),
  };
  const isSafe = [cursor.generation, cursor.index, cursor.n].every(Number.isSafeInteger);
  return isSafe && formatCursor(cursor) === text ? cursor : undefined;
}

/** Negative when `left` is earlier; undefined when the two are of different histories. */
export function compareCursor(left: Cursor, right: Cursor): number | undefined {
  if (left.regionId !== right.regionId || left.generation !== right.generation) return undefined;
  return left.index - right.index || left.n - right.n;
}
