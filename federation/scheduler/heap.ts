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

const ABSENT = -1;

/** A heap for rows 0 to `rows` - 1; `rank` of a row never changes. */
export function rowHeap(rows: number, rank: (row: number) => number): RowHeap {
  const heap = new Int32Array(rows);
  const positions = new Int32Array(rows).fill(ABSENT);
  const scores = new Float64Array(rows);
  let size = 0;
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
      if (child >= size) break;
      if (child + 1 < size && isBetter(rowAt(child + 1), rowAt(child))) child += 1;
      if (!isBetter(rowAt(child), row)) break;
      put(rowAt(child), position);
      position = child;
    }
    put(row, position);
  };

  return {
    top: () => (size > 0 ? rowAt(0) : undefined),
    score: scoreOf,
    set: (row, score) => {
      scores[row] = score;
      const known = positions[row] ?? ABSENT;
      const position = known === ABSENT ? size : known;
      if (known === ABSENT) size += 1;
      sink(row, rise(row, position));
    },
    remove: (row) => {
      const position = positions[row] ?? ABSENT;
      if (position === ABSENT) return;
      positions[row] = ABSENT;
      size -= 1;
      if (position === size) return;
      const moved = rowAt(size);
      sink(moved, rise(moved, position));
    },
  };
}
