/** Shapes that were used lately: most jobs ask for what others asked for. */
import type { World } from "../world.ts";
import { Shape, type ShapeWants } from "./shape.ts";

/** Each takes about 40 bytes a node. */
export const SHAPES_MAX = 64;

export class Shapes {
  readonly #world: World;
  readonly #known = new Map<string, Shape>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The shape of these wants, up to date. */
  get(wants: ShapeWants): Shape {
    const key = keyOf(wants);
    const known = this.#known.get(key);
    const isValid = known !== undefined && known.generation === this.#world.generation;
    const shape = isValid ? known : new Shape(this.#world, wants);
    if (isValid) shape.catchUp();
    this.#known.delete(key);
    this.#known.set(key, shape);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= SHAPES_MAX) break;
      this.#known.delete(oldest);
    }
    return shape;
  }
}

/** Equal for wants that come to the same; labels of ports are of no account. */
function keyOf({ algorithm, demand, wishes }: ShapeWants): string {
  const { cpu, diskBytes, drivers, dynamicPorts, memoryBytes, staticPorts } = demand;
  const plain =
    `${algorithm} ${cpu} ${memoryBytes} ${diskBytes} ${dynamicPorts.length} ` +
    `${staticPorts.map(({ port }) => port).join(",")} ${drivers.join(" ")}`;
  const { affinities, constraints, distinctProperties, spreads } = wishes;
  const count = affinities.length + constraints.length + distinctProperties.length + spreads.length;
  if (count === 0) return plain;
  const attributes = [...spreads, ...distinctProperties].map(({ attribute }) => attribute);
  return JSON.stringify([
    plain,
    constraints.map(({ attribute, operator, value }) => [attribute, operator, value]),
    affinities.map(({ attribute, operator, value, weight }) => [attribute, operator, value, weight]),
    attributes,
  ]);
}
