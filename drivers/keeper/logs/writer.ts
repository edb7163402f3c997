/**
 * Appends a task's output to `<directory>/<task>.<stream>.<offset>`, where the offset is the position of the
 * file's first byte in the whole stream since the task's first run. A full file is followed by the next; the
 * oldest go. So a reader finds any position from names and sizes alone, and never meets a file that changes
 * under it but by growing.
 */
import { type FileHandle, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { logFileName, logFileStarts } from "./files.ts";

export interface LogLimits {
  readonly maxFiles: number;
  readonly maxFileSizeBytes: number;
}

/** Called once at the start and once at the end of a time in which output can't be written. */
export type LogFault = (message: string) => void;

export interface LogSink {
  /** Resolves when the bytes are with the system, or given up and counted. Never rejects. One at a time. */
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

class LogFiles {
  readonly #directory: string;
  readonly #name: string;
  readonly #fault: LogFault;
  #limits: LogLimits;
  #handle: FileHandle | undefined;
  #starts: number[] = [];
  #size = 0;
  #droppedBytes = 0;

  constructor(directory: string, name: string, limits: LogLimits, fault: LogFault) {
    this.#directory = directory;
    this.#name = name;
    this.#limits = limits;
    this.#fault = fault;
  }

  limit(limits: LogLimits): void {
    this.#limits = limits;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let written = 0;
    try {
      if (this.#droppedBytes > 0) await this.#writeNote();
      while (written < bytes.length) written += await this.#writeSome(bytes.subarray(written));
    } catch (error) {
      // Whatever is wrong with the disk, the task must go on: drop, count, and try again with what comes
      // next.
      if (this.#droppedBytes === 0) this.#fault(`output is dropped: ${String(error)}`);
      this.#droppedBytes += bytes.length - written;
      await this.close();
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }

  async #writeNote(): Promise<void> {
    const note = Buffer.from(`\n[peer: ${this.#droppedBytes} bytes of output could not be written here]\n`);
    let written = 0;
    while (written < note.length) written += await this.#writeSome(note.subarray(written));
    this.#fault(`output is written again; ${this.#droppedBytes} bytes were dropped`);
    this.#droppedBytes = 0;
  }

  async #writeSome(bytes: Uint8Array): Promise<number> {
    const handle = await this.#current();
    const length = Math.min(bytes.length, this.#limits.maxFileSizeBytes - this.#size);
    const { bytesWritten } = await handle.write(bytes, 0, length);
    this.#size += bytesWritten;
    return bytesWritten;
  }

  /** The file with room for at least one byte. */
  async #current(): Promise<FileHandle> {
    if (this.#handle === undefined) {
      this.#starts = logFileStarts(await readdir(this.#directory), this.#name);
      const newest = this.#starts.at(-1);
      if (newest === undefined) return await this.#create(0);
      await this.#openFile(newest);
    }
    if (this.#handle !== undefined && this.#size < this.#limits.maxFileSizeBytes) return this.#handle;
    const next = (this.#starts.at(-1) ?? 0) + this.#size;
    await this.close();
    return await this.#create(next);
  }

  async #create(start: number): Promise<FileHandle> {
    const handle = await this.#openFile(start);
    this.#starts.push(start);
    while (this.#starts.length > this.#limits.maxFiles) {
      await rm(this.#path(this.#starts[0] ?? 0), { force: true });
      this.#starts.shift();
    }
    return handle;
  }

  async #openFile(start: number): Promise<FileHandle> {
    const handle = await open(this.#path(start), "a", 0o600);
    this.#handle = handle;
    this.#size = (await handle.stat()).size;
    return handle;
  }

  #path(start: number): string {
    return join(this.#directory, logFileName(this.#name, start));
  }
}

/** Hands out sinks; those of one file share it, so that its positions stay exact whoever writes. */
export class LogWriters {
  readonly #files = new Map<string, { readonly files: LogFiles; users: number; last: Promise<void> }>();

  open(directory: string, name: string, limits: LogLimits, fault: LogFault): LogSink {
    const path = join(directory, name);
    const shared = this.#files.get(path) ?? {
      files: new LogFiles(directory, name, limits, fault),
      users: 0,
      last: Promise.resolve(),
    };
    this.#files.set(path, shared);
    shared.users++;
    shared.files.limit(limits);
    return {
      write: (bytes) => {
        shared.last = shared.last.then(() => shared.files.write(bytes));
        return shared.last;
      },
      close: async () => {
        // The last chance to tell how much is missing.
        shared.last = shared.last.then(() => shared.files.write(new Uint8Array(0)));
        await shared.last;
        shared.users--;
        if (shared.users > 0) return;
        this.#files.delete(path);
        await shared.files.close();
      },
    };
  }
}
