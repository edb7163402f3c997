/** Reads what the keeper wrote, at any position of the whole stream, while it grows and is rotated away. */
import { watch } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { logFileName, logFileStarts } from "./files.ts";

export interface LogChunk {
  /**
   * Position of the first byte since the task's very first one; larger than asked when rotation removed
   * those.
   */
  readonly offset: number;
  readonly data: Uint8Array;
}

export interface ReadLogOptions {
  /** Negative: that many bytes before the present end. */
  readonly offset: number;
  /** Goes on as the stream grows, until `ended`. */
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** Whether nothing more will be written; what is there by then is still given out. */
  readonly ended: () => boolean;
}

const CHUNK_BYTES = 64 * 1024;
/** Where the system does not tell of changes, or `ended` changes without one. */
const POLL_MS = 1000;
const NEWLINE = 10;

/**
 * The stream's bytes in order, never twice; a jump in `offset` is what rotation removed before it was read.
 */
export async function* readLog(
  directory: string,
  task: string,
  stream: "stdout" | "stderr",
  options: ReadLogOptions,
): AsyncGenerator<LogChunk, void, undefined> {
  const name = `${task}.${stream}`;
  const files = new LogFiles(directory, name);
  const changes = options.follow ? new Changes(directory, options.signal) : undefined;
  try {
    let position = options.offset < 0 ? Math.max(0, (await files.end()) + options.offset) : options.offset;
    while (!options.signal.aborted) {
      // Asked before reading: what was written before the end is then read for certain.
      const isLast = changes === undefined || options.ended();
      changes?.reset();
      for (;;) {
        const chunk = await files.read(position, CHUNK_BYTES);
        if (chunk === undefined) break;
        position = chunk.offset + chunk.data.length;
        yield chunk;
        if (options.signal.aborted) return;
      }
      if (isLast) return;
      await changes?.next();
    }
  } finally {
    changes?.close();
    await files.close();
  }
}

/** Where the last `lines` lines of what is there begin. A last line without its end counts. */
export async function tailOffset(
  directory: string,
  task: string,
  stream: "stdout" | "stderr",
  lines: number,
): Promise<number> {
  const files = new LogFiles(directory, `${task}.${stream}`);
  try {
    const end = await files.end();
    if (lines <= 0) return end;
    const first = await files.start();
    let missing = lines;
    for (let position = end; position > first; ) {
      const from = Math.max(first, position - CHUNK_BYTES);
      const data = await readBetween(files, from, position);
      // Rotated away meanwhile: what follows is all there is.
      if (data === undefined) return position;
      for (let index = data.length - 1; index >= 0; index--) {
        if (data[index] !== NEWLINE || from + index === end - 1) continue;
        if (--missing === 0) return from + index + 1;
      }
      position = from;
    }
    return first;
  } finally {
    await files.close();
  }
}

/** All bytes from one position to another, across files; undefined when they are not there any more. */
async function readBetween(files: LogFiles, from: number, to: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  for (let position = from; position < to; ) {
    const chunk = await files.read(position, to - position);
    if (chunk === undefined || chunk.offset > position) return undefined;
    chunks.push(chunk.data);
    position += chunk.data.length;
  }
  return Buffer.concat(chunks);
}

class LogFiles {
  readonly #directory: string;
  readonly #name: string;
  #open: { readonly start: number; readonly handle: FileHandle } | undefined;

  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#name = name;
  }

  async start(): Promise<number> {
    return (await this.#starts())[0] ?? 0;
  }

  async end(): Promise<number> {
    const newest = (await this.#starts()).at(-1);
    if (newest === undefined) return 0;
    const handle = await this.#file(newest);
    return handle === undefined ? newest : newest + (await handle.stat()).size;
  }

  /**
   * Up to `length` bytes from `position` or, where that is gone, from the first there is. Undefined at the
   * end.
   */
  async read(position: number, length: number): Promise<LogChunk | undefined> {
    for (;;) {
      // The open file is read to its end even after its name was removed.
      const here = this.#open;
      if (here !== undefined && here.start <= position) {
        const data = await readAt(here.handle, position - here.start, length);
        if (data.length > 0) return { offset: position, data };
      }
      const starts = await this.#starts();
      const holding = starts.findLast((start) => start <= position);
      if (holding !== undefined && holding !== here?.start) {
        const handle = await this.#file(holding);
        if (handle === undefined) continue;
        const data = await readAt(handle, position - holding, length);
        if (data.length > 0) return { offset: position, data };
      }
      const following = starts.find((start) => start > position);
      if (following === undefined) return undefined;
      // A successor exists, so what was here is full by now: look once more before leaving bytes behind.
      const rest = await this.#rest(position, length);
      if (rest !== undefined) return rest;
      const handle = await this.#file(following);
      if (handle === undefined) continue;
      const data = await readAt(handle, 0, length);
      return data.length > 0 ? { offset: following, data } : undefined;
    }
  }

  async close(): Promise<void> {
    await this.#open?.handle.close();
    this.#open = undefined;
  }

  async #rest(position: number, length: number): Promise<LogChunk | undefined> {
    const here = this.#open;
    if (here === undefined || here.start > position) return undefined;
    const data = await readAt(here.handle, position - here.start, length);
    return data.length > 0 ? { offset: position, data } : undefined;
  }

  async #starts(): Promise<readonly number[]> {
    try {
      return logFileStarts(await readdir(this.#directory), this.#name);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  /** Undefined when it was removed meanwhile. */
  async #file(start: number): Promise<FileHandle | undefined> {
    if (this.#open?.start === start) return this.#open.handle;
    try {
      const handle = await open(join(this.#directory, logFileName(this.#name, start)), "r");
      await this.close();
      this.#open = { start, handle };
      return handle;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(length);
  const { bytesRead } = await handle.read(buffer, 0, length, offset);
  return buffer.subarray(0, bytesRead);
}

/** Tells that something in the directory changed, or that it is time to look anyway. */
class Changes {
  readonly #signal: AbortSignal;
  readonly #watcher: { close(): void } | undefined;
  readonly #wake = (): void => {
    this.#hasChanged = true;
    this.#resume?.();
  };
  #hasChanged = false;
  #resume: (() => void) | undefined;

  constructor(directory: string, signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", this.#wake);
    try {
      const watcher = watch(directory, { persistent: false }, this.#wake);
      watcher.on("error", () => watcher.close());
      this.#watcher = watcher;
    } catch {
      // No such directory, or no watches left: the poll remains.
      this.#watcher = undefined;
    }
  }

  /** Changes from here on count. */
  reset(): void {
    this.#hasChanged = false;
  }

  async next(): Promise<void> {
    if (this.#hasChanged || this.#signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      this.#resume = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#resume = undefined;
  }

  close(): void {
    this.#watcher?.close();
    this.#signal.removeEventListener("abort", this.#wake);
  }
}
