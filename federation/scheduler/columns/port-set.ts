/** Ports of one node that somebody holds: a bit each, in pages that come when they are needed. */

const PAGE_PORTS = 1_024;
const WORD_BITS = 32;
const PAGES = 65_536 / PAGE_PORTS;

export class PortSet {
  readonly #pages: (Uint32Array | undefined)[] = new Array<Uint32Array | undefined>(PAGES).fill(undefined);

  has(port: number): boolean {
    const word = this.#pages[Math.floor(port / PAGE_PORTS)]?.[wordOf(port)] ?? 0;
    return (word & (1 << (port % WORD_BITS))) !== 0;
  }

  /** False when it was there. */
  add(port: number): boolean {
    if (this.has(port)) return false;
    const at = Math.floor(port / PAGE_PORTS);
    const page = this.#pages[at] ?? new Uint32Array(PAGE_PORTS / WORD_BITS);
    this.#pages[at] = page;
    page[wordOf(port)] = (page[wordOf(port)] ?? 0) | (1 << (port % WORD_BITS));
    return true;
  }

  /** False when it was not there. */
  delete(port: number): boolean {
    const page = this.#pages[Math.floor(port / PAGE_PORTS)];
    if (page === undefined || !this.has(port)) return false;
    page[wordOf(port)] = (page[wordOf(port)] ?? 0) & ~(1 << (port % WORD_BITS));
    return true;
  }
}

function wordOf(port: number): number {
  return Math.floor((port % PAGE_PORTS) / WORD_BITS);
}
