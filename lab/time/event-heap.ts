/**
 * A queue of events by time: a binary heap. Of two for one moment the one that was added first comes first,
 * or a seed would not tell what happens.
 */

export interface TimedEvent {
  readonly dueMs: number;
  /** Grows with each one added. */
  readonly order: number;
  /** Undefined: called off. It stays where it is until its turn, or until too many such lie about. */
  run: (() => void) | undefined;
}

/** Below this many it is not worth while to look for those that were called off. */
const SWEEP_MIN = 64;

export class EventHeap {
  #heap: TimedEvent[] = [];
  #added = 0;
  #calledOff = 0;

  /** Events that will still run. */
  get size(): number {
    return this.#heap.length - this.#calledOff;
  }

  add(dueMs: number, run: () => void): TimedEvent {
    const event: TimedEvent = { dueMs, order: this.#added, run };
    this.#added += 1;
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
    return event;
  }

  /** Calling off twice, or after it ran, is harmless. */
  callOff(event: TimedEvent): void {
    if (event.run === undefined) return;
    event.run = undefined;
    this.#calledOff += 1;
    if (this.#calledOff > SWEEP_MIN && this.#calledOff > this.#heap.length / 2) this.#sweep();
  }

  /** When the next event is due; Infinity when there is none. */
  get nextMs(): number {
    this.#dropCalledOff();
    return this.#heap[0]?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  /** What the next event runs; from now on it can't be called off. */
  take(): (() => void) | undefined {
    this.#dropCalledOff();
    const [first] = this.#heap;
    if (first === undefined) return undefined;
    this.#removeFirst();
    const { run } = first;
    first.run = undefined;
    return run;
  }

  #dropCalledOff(): void {
    while (this.#heap.length > 0 && this.#heap[0]?.run === undefined) {
      this.#removeFirst();
      this.#calledOff -= 1;
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #sweep(): void {
    this.#heap = this.#heap.filter(({ run }) => run !== undefined);
    this.#calledOff = 0;
    for (let at = (this.#heap.length >> 1) - 1; at >= 0; at -= 1) this.#sink(at);
  }

  #rise(start: number): void {
    const heap = this.#heap;
    const event = heap[start] as TimedEvent;
    let at = start;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt] as TimedEvent;
      if (isBefore(parent, event)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = event;
  }

  #sink(start: number): void {
    const heap = this.#heap;
    const event = heap[start] as TimedEvent;
    const size = heap.length;
    let at = start;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= size) break;
      let child = heap[childAt] as TimedEvent;
      const other = heap[childAt + 1];
      if (other !== undefined && isBefore(other, child)) {
        child = other;
        childAt += 1;
      }
      if (isBefore(event, child)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = event;
  }
}

function isBefore(left: TimedEvent, right: TimedEvent): boolean {
  return left.dueMs < right.dueMs || (left.dueMs === right.dueMs && left.order < right.order);
}
