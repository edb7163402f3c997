import { grown } from "./growth.ts";
import { ID_WORDS, type IdWords } from "./ids.ts";

/** In place of a row: there is none. Rows link to each other, and to numbers of dictionaries, by it. */
export const NONE = -1;

/** The columns of allocations: 62 bytes a row. */
export class Columns {
  /** Rows that there is room for. */
  size = 0;
  ids = new Uint32Array(0);
  /** Number of the cohort; `NONE`: the row is forgotten. */
  cohort = new Int32Array(0);
  rest = new Int32Array(0);
  node = new Int32Array(0);
  index = new Uint32Array(0);
  state = new Uint16Array(0);
  modifyIndex = new Float64Array(0);
  modifiedAtMs = new Float64Array(0);
  /** Where the row's words begin: ports, kin, numbers of tasks. */
  words = new Int32Array(0);
  /** The next row of the same job, and on the same node. */
  nextOfJob = new Int32Array(0);
  nextOfNode = new Int32Array(0);

  grow(size: number): void {
    this.size = size;
    this.ids = grown(this.ids, ID_WORDS * size);
    this.cohort = grown(this.cohort, size);
    this.rest = grown(this.rest, size);
    this.node = grown(this.node, size);
    this.index = grown(this.index, size);
    this.state = grown(this.state, size);
    this.modifyIndex = grown(this.modifyIndex, size);
    this.modifiedAtMs = grown(this.modifiedAtMs, size);
    this.words = grown(this.words, size);
    this.nextOfJob = grown(this.nextOfJob, size);
    this.nextOfNode = grown(this.nextOfNode, size);
  }

  /** Puts a row where another was; links are left as they are. */
  move(from: number, to: number): void {
    this.ids.copyWithin(ID_WORDS * to, ID_WORDS * from, ID_WORDS * (from + 1));
    this.cohort[to] = this.cohort[from] as number;
    this.rest[to] = this.rest[from] as number;
    this.node[to] = this.node[from] as number;
    this.index[to] = this.index[from] as number;
    this.state[to] = this.state[from] as number;
    this.modifyIndex[to] = this.modifyIndex[from] as number;
    this.modifiedAtMs[to] = this.modifiedAtMs[from] as number;
    this.words[to] = this.words[from] as number;
  }

  id(row: number): IdWords {
    const at = ID_WORDS * row;
    const { ids } = this;
    return [ids[at] as number, ids[at + 1] as number, ids[at + 2] as number, ids[at + 3] as number];
  }

  setId(row: number, words: IdWords): void {
    this.ids.set(words, ID_WORDS * row);
  }
}
