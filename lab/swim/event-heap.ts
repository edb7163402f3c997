/** Events in the order of their time; of equal times in the order in which they were put. */
export interface TimedEvent {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class EventHeap {
  readonly #events: TimedEvent[] = [];
  #order = 0;

  get size(): number {
    return this.#events.length;
  }

  get nextMs(): number {
    return this.#events[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  put(atMs: number, run: () => void): void {
    this.#order += 1;
    const event = { atMs, order: this.#order, run };
    let at = this.#events.length;
    this.#events.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#events[parent];
      if (above === undefined || isBefore(above, event)) break;
      this.#events[at] = above;
      at = parent;
    }
    this.#events[at] = event;
  }

  take(): TimedEvent | undefined {
    const first = this.#events[0];
    const last = this.#events.pop();
    if (first === undefined || last === undefined || this.#events.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const [one, other] = [this.#events[left], this.#events[left + 1]];
      const least = other !== undefined && one !== undefined && isBefore(other, one) ? left + 1 : left;
      const below = this.#events[least];
      if (below === undefined || isBefore(last, below)) break;
      this.#events[at] = below;
      at = least;
    }
    this.#events[at] = last;
    return first;
  }
}

function isBefore(left: TimedEvent, right: TimedEvent): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
}
