/**
 * What is free of each node, on memory that threads share: one thread writes, any number read. A row
 * carries a version that is odd while it is written (a seqlock, Lameter 2005): who reads keeps a copy of its
 * own and takes over the rows that changed. A copy may be old by the time it is used; the ledger checks
 * whatever is made of it again.
 */
import { invariant } from "../../invariant.ts";
import type { NodeColumns } from "../columns/node-columns.ts";
import { PAGE_WORDS, PAGES, type PortSet } from "../columns/port-set.ts";

/** So often a row that changes meanwhile is read again; then it is taken as it is, and read the next time. */
const READS_MAX = 4;
const PAGE_BYTES = PAGE_WORDS * Uint32Array.BYTES_PER_ELEMENT;
/** Pages of ports that there is room for at first, a node; more come when they are needed. */
const PAGES_AT_FIRST = 2;

export interface SharedBuffers {
  readonly rows: number;
  readonly columns: SharedArrayBuffer;
  /** Held ports as bits, in pages; grows. */
  readonly pages: SharedArrayBuffer;
}

class SharedColumns {
  readonly versions: Int32Array;
  readonly dynamicPortsFree: Int32Array;
  /** A row's pages: where each stands in `pages`, 0 where nobody holds any of its ports. */
  readonly table: Int32Array;
  readonly cpuFree: Float64Array;
  readonly memoryFree: Float64Array;
  readonly diskFree: Float64Array;
  readonly pages: Uint32Array;

  constructor({ columns, pages, rows }: SharedBuffers) {
    let at = 0;
    const floats = () => new Float64Array(columns, at, rows);
    this.cpuFree = floats();
    at += this.cpuFree.byteLength;
    this.memoryFree = floats();
    at += this.memoryFree.byteLength;
    this.diskFree = floats();
    at += this.diskFree.byteLength;
    this.versions = new Int32Array(columns, at, rows);
    at += this.versions.byteLength;
    this.dynamicPortsFree = new Int32Array(columns, at, rows);
    at += this.dynamicPortsFree.byteLength;
    this.table = new Int32Array(columns, at, rows * PAGES);
    this.pages = new Uint32Array(pages);
  }

  static bytes(rows: number): number {
    return rows * (3 * Float64Array.BYTES_PER_ELEMENT + (2 + PAGES) * Int32Array.BYTES_PER_ELEMENT);
  }
}

export class SharedNodesWriter {
  readonly buffers: SharedBuffers;
  readonly #shared: SharedColumns;
  /** Page 0 stands for none. */
  #pagesUsed = 1;

  /** With all rows of the columns as they are now. */
  constructor(columns: NodeColumns) {
    const rows = columns.nodes.length;
    const pagesMax = 1 + rows * PAGES;
    const pagesFirst = Math.min(pagesMax, 1 + rows * PAGES_AT_FIRST);
    this.buffers = {
      rows,
      columns: new SharedArrayBuffer(SharedColumns.bytes(rows)),
      pages: new SharedArrayBuffer(pagesFirst * PAGE_BYTES, { maxByteLength: pagesMax * PAGE_BYTES }),
    };
    this.#shared = new SharedColumns(this.buffers);
    for (let row = 0; row < rows; row += 1) this.write(columns, row);
  }

  write(columns: NodeColumns, row: number): void {
    const shared = this.#shared;
    Atomics.add(shared.versions, row, 1);
    shared.cpuFree[row] = columns.cpuFree[row] as number;
    shared.memoryFree[row] = columns.memoryFree[row] as number;
    shared.diskFree[row] = columns.diskFree[row] as number;
    shared.dynamicPortsFree[row] = columns.dynamicPortsFree[row] as number;
    const ports = columns.ports[row];
    if (ports !== undefined) for (let at = 0; at < PAGES; at += 1) this.#writePage(row, at, ports);
    Atomics.add(shared.versions, row, 1);
  }

  #writePage(row: number, at: number, ports: PortSet): void {
    const words = ports.page(at);
    if (words === undefined) return;
    const { pages, table } = this.#shared;
    let page = table[row * PAGES + at] as number;
    if (page === 0) {
      page = this.#newPage();
      pages.set(words, page * PAGE_WORDS);
      Atomics.store(table, row * PAGES + at, page);
    } else pages.set(words, page * PAGE_WORDS);
  }

  #newPage(): number {
    const { pages } = this.buffers;
    const page = this.#pagesUsed;
    this.#pagesUsed += 1;
    if (this.#pagesUsed * PAGE_BYTES > pages.byteLength) {
      invariant(pages.byteLength < pages.maxByteLength, "a node has no more pages than it has ports");
      pages.grow(Math.min(pages.maxByteLength, 2 * pages.byteLength));
    }
    return page;
  }
}

export class SharedNodesReader {
  readonly #shared: SharedColumns;
  /** By row: the version that the reader's own columns have. */
  readonly #seen: Int32Array;

  constructor(buffers: SharedBuffers) {
    this.#shared = new SharedColumns(buffers);
    this.#seen = new Int32Array(buffers.rows).fill(-1);
  }

  /** Takes over what changed; `changed` is told of each row. */
  read(columns: NodeColumns, changed: (row: number) => void): void {
    const { versions } = this.#shared;
    for (let row = 0; row < this.#seen.length; row += 1) {
      if (Atomics.load(versions, row) === this.#seen[row]) continue;
      this.#readRow(columns, row);
      changed(row);
    }
  }

  #readRow(columns: NodeColumns, row: number): void {
    const shared = this.#shared;
    for (let reads = 0; reads < READS_MAX; reads += 1) {
      const version = Atomics.load(shared.versions, row);
      const ports = columns.ports[row];
      for (let at = 0; at < PAGES; at += 1) {
        const page = Atomics.load(shared.table, row * PAGES + at);
        const start = page * PAGE_WORDS;
        ports?.setPage(at, page === 0 ? undefined : shared.pages.subarray(start, start + PAGE_WORDS));
      }
      columns.set(row, {
        cpu: shared.cpuFree[row] as number,
        memoryBytes: shared.memoryFree[row] as number,
        diskBytes: shared.diskFree[row] as number,
        dynamicPorts: shared.dynamicPortsFree[row] as number,
      });
      const isWhole = version % 2 === 0 && Atomics.load(shared.versions, row) === version;
      this.#seen[row] = isWhole ? version : -1;
      if (isWhole) return;
    }
  }
}
