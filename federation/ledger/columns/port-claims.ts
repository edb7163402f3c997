/** Ports of one node that allocations hold, two bytes each: a hash table with linear probing. */

const EMPTY = 0;
const PORTS = 65_536;

export class PortClaims {
  /** Ports are 1 to 65,535; a power of two, at most three quarters full. */
  #places = new Uint16Array(8);
  #count = 0;

  has(port: number): boolean {
    return this.#places[this.#placeOf(port)] === port;
  }

  /** False when it was there. */
  add(port: number): boolean {
    const at = this.#placeOf(port);
    if (this.#places[at] === port) return false;
    this.#places[at] = port;
    this.#count += 1;
    if (this.#count * 4 > this.#places.length * 3 && this.#places.length < 2 * PORTS) this.#grow();
    return true;
  }

  /** False when it was not there. */
  delete(port: number): boolean {
    const places = this.#places;
    const mask = places.length - 1;
    let hole = this.#placeOf(port);
    if (places[hole] !== port) return false;
    this.#count -= 1;
    for (let at = (hole + 1) & mask; places[at] !== EMPTY; at = (at + 1) & mask) {
      const next = places[at] as number;
      // As far from its home as the hole is from it, or further.
      if (((at - homeOf(next, mask)) & mask) < ((at - hole) & mask)) continue;
      places[hole] = next;
      hole = at;
    }
    places[hole] = EMPTY;
    return true;
  }

  /** Where the port stands, or would. */
  #placeOf(port: number): number {
    const places = this.#places;
    const mask = places.length - 1;
    let at = homeOf(port, mask);
    while (places[at] !== port && places[at] !== EMPTY) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const before = this.#places;
    this.#places = new Uint16Array(2 * before.length);
    for (const port of before) if (port !== EMPTY) this.#places[this.#placeOf(port)] = port;
  }
}

function homeOf(port: number, mask: number): number {
  return (Math.imul(port, 0x9e3779b1) >>> 15) & mask;
}
