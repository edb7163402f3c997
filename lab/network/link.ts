/** One link between two machines, as the network keeps it: each end may know more than the other. */
import type { Cancel, LinkChannel, NodeId } from "../../federation/index.ts";

/** What a link's direction holds: all channels share the line, each keeps its own order. */
export interface Direction {
  /** When the line is free again, on the world's time. */
  busyUntilMs: number;
  queuedBytes: number;
  /** Last arrival of each channel: nothing of it may come earlier. */
  readonly arrivedMs: Map<LinkChannel, number>;
  /** Packets that the way is blocked for, in order. */
  waiting: (() => void)[];
  /** Calls off the timer that gives up the link while the way is blocked. */
  giveUp: Cancel | undefined;
}

export class Link {
  readonly ends: readonly [NodeId, NodeId];
  /** Ends that believe in it. */
  readonly open = new Set<NodeId>();
  /** The second end has not heard of it yet. */
  isOpening = true;
  readonly #directions: ReadonlyMap<NodeId, Direction>;

  constructor(one: NodeId, two: NodeId) {
    this.ends = [one, two];
    this.#directions = new Map([
      [one, newDirection()],
      [two, newDirection()],
    ]);
  }

  other(end: NodeId): NodeId {
    return end === this.ends[0] ? this.ends[1] : this.ends[0];
  }

  from(end: NodeId): Direction {
    return this.#directions.get(end) as Direction;
  }

  /** Nothing that waits will be sent any more. */
  drop(): void {
    for (const direction of this.#directions.values()) {
      direction.waiting = [];
      direction.giveUp?.();
      direction.giveUp = undefined;
    }
  }
}

function newDirection(): Direction {
  return { busyUntilMs: 0, queuedBytes: 0, arrivedMs: new Map(), waiting: [], giveUp: undefined };
}
