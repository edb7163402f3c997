/** Ports of one node that allocations hold, two bytes each: sorted, since there are some hundred at most. */
import { grown, grownSize } from "./growth.ts";

export class PortClaims {
  #ports = new Uint16Array(0);
  #count = 0;

  has(port: number): boolean {
    const at = this.#placeOf(port);
    return at < this.#count && this.#ports[at] === port;
  }

  /** False when it was there. */
  add(port: number): boolean {
    const at = this.#placeOf(port);
    if (at < this.#count && this.#ports[at] === port) return false;
    if (this.#count === this.#ports.length) {
      this.#ports = grown(this.#ports, grownSize(this.#count, this.#count + 1));
    }
    this.#ports.copyWithin(at + 1, at, this.#count);
    this.#ports[at] = port;
    this.#count += 1;
    return true;
  }

  /** False when it was not there. */
  delete(port: number): boolean {
    const at = this.#placeOf(port);
    if (at >= this.#count || this.#ports[at] !== port) return false;
    this.#ports.copyWithin(at, at + 1, this.#count);
    this.#count -= 1;
    return true;
  }

  /** Where the port stands, or would. */
  #placeOf(port: number): number {
    let [low, high] = [0, this.#count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ports[middle] as number) < port) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
