/** Shapes that were used lately: most jobs ask for what others asked for. */

import type { Wishes } from "../../fit/constraint/wishes.ts";
import type { Demand } from "../../fit/demand.ts";
import type { PlacementAlgorithm } from "../../model/job.ts";
import type { World } from "../world.ts";
import { type Ground, groundKey, groundOf } from "./ground.ts";
import { Shape } from "./shape.ts";

/** Each takes about 40 bytes a node. */
export const SHAPES_MAX = 64;
/** Marks of those asked for once; a power of two. */
const TRIED = 1024;
/** Each takes about 40 bytes a node. */
const GROUNDS_MAX = 64;

export class Shapes {
  readonly #world: World;
  readonly #shapes = new Map<string, Shape>();
  /** Marks of what was asked for once: what is never asked for again shall not drive out what is. */
  readonly #tried = new Int32Array(TRIED);
  readonly #grounds = new Map<string, Ground>();
  #generation = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /**
   * The shape of what instances of a group want, up to date. One that nobody asked for lately is looked up in
   * its ground's cells rather than built up when it is for a single instance.
   */
  get(demand: Demand, wishes: Wishes, algorithm: PlacementAlgorithm, instances: number): Shape {
    if (this.#generation !== this.#world.generation) this.#forget();
    const groundName = groundKey(demand, wishes);
    const key = `${algorithm} ${sizeKey(demand)} ${groundName}`;
    const known = this.#shapes.get(key);
    const shape = known ?? this.#make(demand, wishes, algorithm, groundName);
    if (known === undefined && instances <= 1 && !this.#wasTried(key)) return shape;
    shape.catchUp();
    keep(this.#shapes, key, shape, SHAPES_MAX);
    return shape;
  }

  #make(demand: Demand, wishes: Wishes, algorithm: PlacementAlgorithm, groundName: string): Shape {
    const ground = this.#grounds.get(groundName) ?? groundOf(this.#world, demand, wishes);
    keep(this.#grounds, groundName, ground, GROUNDS_MAX);
    return new Shape(this.#world, { demand, algorithm, ground });
  }

  /** Of two that come to the same mark the later is remembered, which costs time at the most. */
  #wasTried(key: string): boolean {
    const mark = markOf(key);
    const at = mark & (TRIED - 1);
    const wasTried = this.#tried[at] === mark;
    this.#tried[at] = mark;
    return wasTried;
  }

  #forget(): void {
    this.#generation = this.#world.generation;
    this.#shapes.clear();
    this.#grounds.clear();
  }
}

/** Puts the value last, so that those not asked for longest go when there are too many. */
function keep<Value>(known: Map<string, Value>, key: string, value: Value, max: number): void {
  // Far from full, the order does not matter yet.
  if (known.size < max / 2 && known.has(key)) return;
  known.delete(key);
  known.set(key, value);
  for (const oldest of known.keys()) {
    if (known.size <= max) break;
    known.delete(oldest);
  }
}

/** Labels of ports are of no account. */
function sizeKey(demand: Demand): string {
  const { cores, cpu, diskBytes, dynamicPorts, memoryBytes, staticPorts } = demand;
  const statics = staticPorts.length === 0 ? "" : staticPorts.map(({ port }) => port).join(",");
  const whole = cores === 0 ? "" : `${cores} of `;
  return `${whole}${cpu} ${memoryBytes} ${diskBytes} ${dynamicPorts.length} ${statics}`;
}

/** FNV-1a, 32 bits. */
function markOf(text: string): number {
  let mark = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) mark = Math.imul(mark ^ text.charCodeAt(at), 0x01000193);
  return mark;
}
