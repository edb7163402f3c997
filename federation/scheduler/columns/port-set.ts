/** Ports of one node that somebody holds: a bit each, in pages that come when they are needed. */

/** 2^10 ports a page, 2^5 bits a word. */
const PAGE_SHIFT = 10;
const WORD_SHIFT = 5;
const IN_PAGE = 2 ** PAGE_SHIFT - 1;
export const PAGES = 65_536 >>> PAGE_SHIFT;
export const PAGE_WORDS = 2 ** (PAGE_SHIFT - WORD_SHIFT);

export class PortSet {
  readonly #pages: (Uint32Array | undefined)[] = new Array<Uint32Array | undefined>(PAGES).fill(undefined);

  has(port: number): boolean {
    const page = this.#pages[port >>> PAGE_SHIFT];
    return page !== undefined && ((page[wordOf(port)] as number) & (1 << port)) !== 0;
  }

  /** False when it was there. */
  add(port: number): boolean {
    if (this.has(port)) return false;
    const at = port >>> PAGE_SHIFT;
    const page = this.#pages[at] ?? new Uint32Array(PAGE_WORDS);
    this.#pages[at] = page;
    page[wordOf(port)] = (page[wordOf(port)] as number) | (1 << port);
    return true;
  }

  /** False when it was not there. */
  delete(port: number): boolean {
    const page = this.#pages[port >>> PAGE_SHIFT];
    if (page === undefined || !this.has(port)) return false;
    page[wordOf(port)] = (page[wordOf(port)] as number) & ~(1 << port);
    return true;
  }

  /** The bits of a page; undefined while nobody held a port of it. Not to be changed. */
  page(at: number): Uint32Array | undefined {
    return this.#pages[at];
  }

  /** Puts a copy in place of the page; undefined: nobody holds any of its ports. */
  setPage(at: number, bits: Uint32Array | undefined): void {
    const page = this.#pages[at];
    if (bits !== undefined && page !== undefined) page.set(bits);
    else this.#pages[at] = bits === undefined ? undefined : new Uint32Array(bits);
  }
}

function wordOf(port: number): number {
  return (port & IN_PAGE) >>> WORD_SHIFT;
}
