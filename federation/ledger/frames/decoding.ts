/** The table from its frames; see `encoding.ts` for their form. */
import { PeerError } from "../../errors.ts";
import { AllocationTable } from "../columns/allocation-table.ts";
import { ID_WORDS, type IdWords, isOdd } from "../columns/ids.ts";
import type { Interned } from "../columns/interned.ts";
import { hasSoundWords, kinOf, wordCount } from "../columns/row-words.ts";
import { isState } from "../columns/state.ts";
import { parseJson } from "../form/json.ts";
import { type DictionaryPart, FRAME_ROWS, HEAD_BYTES, ROW_BYTES } from "./encoding.ts";
import { dictionaryForm } from "./form.ts";

/**
 * Puts a table together from its frames, in their order. Each row is whole; that rows agree with each other
 * and with other tables is seen by whoever takes the table up.
 */
export class TableDecoder {
  readonly #table = new AllocationTable();
  /** Uses of the dictionaries' own, so that nothing is dropped before its first row comes. */
  readonly #held: (() => void)[] = [];
  #cohorts = 0;
  #rests = 0;
  #nodes = 0;
  #odd = 0;

  /** `rows`: as many will come, in all. */
  constructor(rows: number) {
    this.#table.reserve(rows);
  }

  /** Throws PeerError `damaged`; the decoder is of no use then. */
  decode(payload: Uint8Array): void {
    if (payload.length < HEAD_BYTES) throw damaged("a frame of allocations is too short");
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const rows = view.getUint32(0, true);
    const words = view.getUint32(4, true);
    const jsonBytes = view.getUint32(8, true);
    const length = HEAD_BYTES + jsonBytes + rows * ROW_BYTES + 4 * words;
    if (rows > FRAME_ROWS || length !== payload.length) {
      throw damaged("a frame of allocations is not as long as it says");
    }
    this.#learn(payload.subarray(HEAD_BYTES, HEAD_BYTES + jsonBytes));
    const first = this.#table.addRows(rows);
    const end = this.#readColumns(view, HEAD_BYTES + jsonBytes, first, rows);
    this.#readWords(view, end, first, rows, words);
  }

  /** The table; what no row named is dropped. */
  finish(): AllocationTable {
    for (const release of this.#held) release();
    this.#held.length = 0;
    return this.#table;
  }

  #learn(json: Uint8Array): void {
    const part = parseJson(json);
    const found = dictionaryForm(part, "");
    if (found !== undefined) throw damaged(`${found.path} ${found.message}`);
    const { cohorts, nodes, odd, rests } = part as DictionaryPart;
    const { ids, shared } = this.#table;
    for (const cohort of cohorts) {
      const ref = expect(shared.internCohort(cohort), this.#cohorts++);
      this.#held.push(() => shared.releaseCohort(ref));
    }
    for (const rest of rests) this.#hold(shared.rests, expect(shared.internRest(rest), this.#rests++));
    for (const node of nodes) this.#hold(shared.nodes, expect(shared.takeNode(node), this.#nodes++));
    for (const id of odd)
      this.#hold(
        ids.odd,
        expect(
          ids.odd.take(id, () => id),
          this.#odd++,
        ),
      );
  }

  #hold<Value>(dictionary: Interned<Value>, ref: number): void {
    this.#held.push(() => dictionary.release(ref));
  }

  /** Gives where they end. */
  #readColumns(view: DataView, start: number, first: number, rows: number): number {
    const { columns } = this.#table;
    let at = start;
    for (let row = first; row < first + rows; row += 1) {
      columns.setId(row, this.#known(idAt(view, at)));
      at += 4 * ID_WORDS;
    }
    const references = [
      [columns.cohort, this.#cohorts],
      [columns.rest, this.#rests],
      [columns.node, this.#nodes],
    ] as const;
    for (const [column, known] of references) {
      for (let row = first; row < first + rows; row += 1, at += 4) {
        const ref = view.getUint32(at, true);
        if (ref >= known) throw damaged("a row names what is in no dictionary");
        column[row] = ref;
      }
    }
    for (let row = first; row < first + rows; row += 1, at += 4)
      columns.index[row] = view.getUint32(at, true);
    for (let row = first; row < first + rows; row += 1, at += 2) {
      const state = view.getUint16(at, true);
      if (!isState(state)) throw damaged(`there is no state ${state} of a row`);
      columns.state[row] = state;
    }
    for (let row = first; row < first + rows; row += 1, at += 8) {
      const index = view.getFloat64(at, true);
      if (!Number.isSafeInteger(index) || index < 0) throw damaged(`${index} is no index`);
      columns.modifyIndex[row] = index;
    }
    for (let row = first; row < first + rows; row += 1, at += 8) {
      const timeMs = view.getFloat64(at, true);
      if (!Number.isFinite(timeMs) || timeMs < 0) throw damaged(`${timeMs} is no time`);
      columns.modifiedAtMs[row] = timeMs;
    }
    return at;
  }

  #readWords(view: DataView, start: number, first: number, rows: number, words: number): void {
    const table = this.#table;
    const copy = Array.from({ length: words }, (_, n) => view.getUint32(start + 4 * n, true));
    let at = table.words.add(copy);
    const end = at + words;
    for (let row = first; row < first + rows; row += 1) {
      const layout = table.layout(row);
      const count = wordCount(layout);
      if (at + count > end) throw damaged("a row has too few words");
      table.columns.words[row] = at;
      if (!hasSoundWords(layout, table.words, at)) throw damaged("a row has words that mean nothing");
      for (const kin of kinOf(layout, table.words, at)) this.#known(kin);
      at += count;
      table.adopt(row);
    }
    if (words > 0 && at !== end) throw damaged("there are words of no row");
  }

  #known(words: IdWords): IdWords {
    if (isOdd(words) && words[3] >= this.#odd) throw damaged("a row has an id that is in no dictionary");
    return words;
  }
}

function idAt(view: DataView, at: number): IdWords {
  return [
    view.getUint32(at, true),
    view.getUint32(at + 4, true),
    view.getUint32(at + 8, true),
    view.getUint32(at + 12, true),
  ];
}

/** Numbers are given in order to what is new; anything else was there before. */
function expect(ref: number, next: number): number {
  if (ref !== next) throw damaged("a dictionary holds the same twice");
  return ref;
}

function damaged(message: string): PeerError {
  return new PeerError("damaged", `the ledger snapshot is damaged: ${message}`);
}
