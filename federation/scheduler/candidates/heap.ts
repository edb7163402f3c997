/**
 * Rows by score: the best is at hand, one changed row is put right in log n. Equal scores go by rank, the
 * least first.
 */
export interface RowHeap {
  /** The best row; undefined when there is none. */
  top(): number | undefined;
  score(row: number): number;
  /** Adds the row or changes its score. */
  set(row: number, score: number): void;
  /** Nothing happens when the row is not there. */
  remove(row: number): void;
}

/** What heaps over the same rows share, as long as no row is in two of them. */
export interface HeapSpace {
  readonly positions: Int32Array;
  readonly scores: Float64Array;
}

const ABSENT = -1;

/** For rows 0 to `rows` - 1. */
export function heapSpace(rows: number): HeapSpace {
  return { positions: new Int32Array(rows).fill(ABSENT), scores: new Float64Array(rows) };
}

/** An empty heap; `rank` of a row never changes. */
export function rowHeap({ positions, scores }: HeapSpace, rank: (row: number) => number): RowHeap {
  const heap: number[] = [];
  const rowAt = (position: number) => heap[position] ?? ABSENT;
  const scoreOf = (row: number) => scores[row] ?? 0;

  const isBetter = (left: number, right: number): boolean => {
    const difference = scoreOf(left) - scoreOf(right);
    return difference > 0 || (difference === 0 && rank(left) < rank(right));
  };
  const put = (row: number, position: number): void => {
    heap[position] = row;
    positions[row] = position;
  };
  const rise = (row: number, from: number): number => {
    let position = from;
    while (position > 0) {
      const parent = (position - 1) >> 1;
      if (!isBetter(row, rowAt(parent))) break;
      put(rowAt(parent), position);
      position = parent;
    }
    put(row, position);
    return position;
  };
  const sink = (row: number, from: number): void => {
    let position = from;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBetter(rowAt(child + 1), rowAt(child))) child += 1;
      if (!isBetter(rowAt(child), row)) break;
      put(rowAt(child), position);
      position = child;
    }
    put(row, position);
  };

  return {
    top: () => heap[0],
    score: scoreOf,
    set: (row, score) => {
      scores[row] = score;
      const known = positions[row] ?? ABSENT;
      sink(row, rise(row, known === ABSENT ? heap.length : known));
    },
    remove: (row) => {
      const position = positions[row] ?? ABSENT;
      if (position === ABSENT) return;
      positions[row] = ABSENT;
      const moved = heap.pop() ?? ABSENT;
      if (moved !== row) sink(moved, rise(moved, position));
    },
  };
}
