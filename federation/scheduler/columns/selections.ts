/** What depends on the nodes themselves and not on what they hold: answered once, then remembered. */

import { nodeAttribute } from "../../fit/constraint/attribute.ts";
import { type NodeConstraint, selectNodes } from "../../fit/constraint/constraint.ts";
import type { NodeRecord } from "../../model/node.ts";

/** Constraints and attributes remembered at a time; each takes some bytes a node. */
const REMEMBERED_MAX = 512;

/** The values of one attribute: rows with equal codes have equal values. */
export interface AttributeColumn {
  /** By row; -1 where the node has no such attribute. */
  readonly codes: Int32Array;
  /** By code. */
  readonly values: readonly string[];
}

export class Selections {
  readonly #nodes: readonly NodeRecord[];
  readonly #selected = new Map<string, Uint8Array>();
  readonly #attributes = new Map<string, AttributeColumn>();

  constructor(nodes: readonly NodeRecord[]) {
    this.#nodes = nodes;
  }

  /** By row: 1 where the node satisfies the constraint. */
  select(constraint: NodeConstraint): Uint8Array {
    const { attribute, operator, value } = constraint;
    const key = `${operator} ${attribute.length} ${attribute} ${value}`;
    return remembered(this.#selected, key, () => selectNodes(this.#nodes, constraint));
  }

  attribute(name: string): AttributeColumn {
    return remembered(this.#attributes, name, () => {
      const known = new Map<string, number>();
      const codes = Int32Array.from(this.#nodes, (node) => {
        const value = nodeAttribute(node, name);
        if (value === undefined) return -1;
        const code = known.get(value) ?? known.size;
        known.set(value, code);
        return code;
      });
      return { codes, values: [...known.keys()] };
    });
  }
}

/** From the map, or made and put there; what was asked for longest ago makes room. */
export function remembered<Value>(
  known: Map<string, Value>,
  key: string,
  make: () => Value,
  max = REMEMBERED_MAX,
): Value {
  const found = known.get(key);
  if (found !== undefined && known.size < max / 2) return found;
  const value = found ?? make();
  known.delete(key);
  known.set(key, value);
  for (const oldest of known.keys()) {
    if (known.size <= max) break;
    known.delete(oldest);
  }
  return value;
}
