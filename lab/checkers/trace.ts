/** What happened in a run, in order: a hash of all of it, and the last lines for people. */
import { createHash } from "node:crypto";

const CHUNK_LINES = 4096;

export class Trace {
  readonly #hash = createHash("sha256");
  #before: readonly string[] = [];
  #lines: string[] = [];
  #count = 0;
  #digest: string | undefined;
  /** Hashes of the chunks so far: two runs differ in the first one that does. */
  readonly chunks: string[] = [];

  note(line: string): void {
    this.#lines.push(line);
    this.#count += 1;
    if (this.#lines.length < CHUNK_LINES) return;
    this.#hashChunk();
    this.#before = this.#lines;
    this.#lines = [];
  }

  /** Lines so far. */
  get count(): number {
    return this.#count;
  }

  /** At least the last 4,096 lines, or all. */
  get lines(): readonly string[] {
    return [...this.#before, ...this.#lines];
  }

  /** SHA-256 of all lines; nothing can be noted any more. */
  digest(): string {
    if (this.#digest === undefined) {
      this.#hashChunk();
      this.#digest = this.#hash.digest("hex");
    }
    return this.#digest;
  }

  #hashChunk(): void {
    if (this.#lines.length === 0) return;
    const text = `${this.#lines.join("\n")}\n`;
    this.#hash.update(text);
    this.chunks.push(createHash("sha256").update(text).digest("hex"));
  }
}
