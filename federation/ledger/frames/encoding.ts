/**
 * The table as bytes, some thousand rows at a time: what is new in the dictionaries since the last frame, as
 * canonical JSON, then the columns. Dictionaries are numbered anew by first use in order of rows, so equal
 * tables give equal bytes, whatever they went through. Little-endian:
 *
 * rows u32 | words u32 | bytes of JSON u32 | JSON {cohorts, nodes, odd, rests} | ids, 16 bytes each | cohort
 * u32 | rest u32 | node u32 | index u32 | state u16 | modify index f64 | modified at f64 | words u32
 */
import { canonicalBytes } from "../../canonical.ts";
import type { NodeId } from "../../model/ids.ts";
import type { AllocationTable } from "../columns/allocation-table.ts";
import { ID_WORDS, type IdWords, isOdd } from "../columns/ids.ts";
import type { Cohort, Rest } from "../columns/parts.ts";
import { kinAt, type Layout, wordCount } from "../columns/row-words.ts";

export const FRAME_ROWS = 8192;
/** Counts of rows, words and bytes of JSON. */
export const HEAD_BYTES = 12;
/** Id, cohort, rest, node, index, state, modify index and time. */
export const ROW_BYTES = 16 + 4 + 4 + 4 + 4 + 2 + 8 + 8;

/** What a frame adds to the dictionaries, each under the next number. */
export interface DictionaryPart {
  readonly cohorts: readonly Cohort[];
  readonly rests: readonly Rest[];
  readonly nodes: readonly NodeId[];
  /** Ids that are no UUIDs. */
  readonly odd: readonly string[];
}

/** Numbers as frames have them, for those of the table. */
class Numbering {
  readonly #numbers = new Map<number, number>();
  /** Those that came since the last frame. */
  #fresh: number[] = [];

  of(ref: number): number {
    const known = this.#numbers.get(ref);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(ref, number);
    this.#fresh.push(ref);
    return number;
  }

  takeFresh(): readonly number[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }
}

export function* encodeAllocations(table: AllocationTable): Generator<Uint8Array> {
  const encoder = new FrameEncoder(table);
  let rows: number[] = [];
  for (const row of table.rows()) {
    rows.push(row);
    if (rows.length < FRAME_ROWS) continue;
    yield encoder.encode(rows);
    rows = [];
  }
  if (rows.length > 0) yield encoder.encode(rows);
}

class FrameEncoder {
  readonly #table: AllocationTable;
  readonly #cohorts = new Numbering();
  readonly #rests = new Numbering();
  readonly #nodes = new Numbering();
  readonly #odd = new Numbering();

  constructor(table: AllocationTable) {
    this.#table = table;
  }

  encode(rows: readonly number[]): Uint8Array {
    const body = new Uint8Array(rows.length * ROW_BYTES);
    this.#writeColumns(new DataView(body.buffer), rows);
    const words = this.#words(rows);
    // Last: now all that the rows name has its number.
    return framed(rows.length, canonicalBytes(this.#fresh()), body, words);
  }

  #writeColumns(view: DataView, rows: readonly number[]): void {
    const { columns } = this.#table;
    let at = 0;
    for (const row of rows) {
      for (const word of this.#idWords(columns.id(row))) {
        view.setUint32(at, word, true);
        at += 4;
      }
    }
    const references = [
      [columns.cohort, this.#cohorts],
      [columns.rest, this.#rests],
      [columns.node, this.#nodes],
    ] as const;
    for (const [column, numbering] of references) {
      for (const row of rows) {
        view.setUint32(at, numbering.of(column[row] as number), true);
        at += 4;
      }
    }
    for (const row of rows) {
      view.setUint32(at, columns.index[row] as number, true);
      at += 4;
    }
    for (const row of rows) {
      view.setUint16(at, columns.state[row] as number, true);
      at += 2;
    }
    for (const column of [columns.modifyIndex, columns.modifiedAtMs]) {
      for (const row of rows) {
        view.setFloat64(at, column[row] as number, true);
        at += 8;
      }
    }
  }

  /** Ids in them are numbered anew. */
  #words(rows: readonly number[]): Uint32Array {
    const { columns, words } = this.#table;
    const layouts = rows.map((row) => this.#table.layout(row));
    const copy = new Uint32Array(layouts.reduce((sum, layout) => sum + wordCount(layout), 0));
    let at = 0;
    for (const [n, row] of rows.entries()) {
      const layout = layouts[n] as Layout;
      const start = columns.words[row] as number;
      const count = wordCount(layout);
      for (let offset = 0; offset < count; offset += 1) copy[at + offset] = words.get(start + offset);
      for (const offset of kinAt(layout)) {
        const id = Array.from(copy.subarray(at + offset, at + offset + ID_WORDS)) as unknown as IdWords;
        copy.set(this.#idWords(id), at + offset);
      }
      at += count;
    }
    return copy;
  }

  #idWords(words: IdWords): IdWords {
    return isOdd(words) ? [words[0], words[1], words[2], this.#odd.of(words[3])] : words;
  }

  #fresh(): DictionaryPart {
    const { ids, shared } = this.#table;
    return {
      cohorts: this.#cohorts.takeFresh().map((ref) => shared.cohorts.value(ref).cohort),
      rests: this.#rests.takeFresh().map((ref) => shared.rests.value(ref).rest),
      nodes: this.#nodes.takeFresh().map((ref) => shared.nodes.value(ref).id),
      odd: this.#odd.takeFresh().map((ref) => ids.odd.value(ref)),
    };
  }
}

function framed(rows: number, json: Uint8Array, body: Uint8Array, words: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + json.length + body.length + 4 * words.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, rows, true);
  view.setUint32(4, words.length, true);
  view.setUint32(8, json.length, true);
  bytes.set(json, HEAD_BYTES);
  bytes.set(body, HEAD_BYTES + json.length);
  let at = HEAD_BYTES + json.length + body.length;
  for (const word of words) {
    view.setUint32(at, word, true);
    at += 4;
  }
  return bytes;
}
