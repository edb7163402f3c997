/** How columns grow. */

/** Below it columns double, above they grow by a sixteenth: at scale what is reserved is what costs. */
const DOUBLED_MAX = 65_536;

/** Room for at least `needed`, of which `held` is there. */
export function grownSize(held: number, needed: number): number {
  const grown = held < DOUBLED_MAX ? 2 * held : held + Math.ceil(held / 16);
  return Math.max(16, grown, needed);
}

type Column = Int32Array | Uint32Array | Uint16Array | Float64Array;

/** The column with more room; what it held is at the same places. */
export function grown<Kind extends Column>(column: Kind, size: number, fill = 0): Kind {
  const larger = new (column.constructor as new (length: number) => Kind)(size);
  larger.set(column);
  if (fill !== 0) larger.fill(fill, column.length);
  return larger;
}
