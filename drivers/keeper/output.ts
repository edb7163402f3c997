/**
 * A task's standard output and error on their way to its log files. On POSIX each is a FIFO whose end in the
 * task is open for reading too: so a write finds a reader even while no keeper lives, the task never meets
 * EPIPE, and the next keeper opens the same FIFO and goes on. A task that writes more than the FIFO holds
 * waits for that keeper.
 */
import type { ChildProcess, StdioOptions } from "node:child_process";
import * as fs from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { LogSink } from "./logs/writer.ts";
import type { RunProgram } from "./system/program.ts";

export const STREAMS = ["stdout", "stderr"] as const;

const READ_BYTES = 64 * 1024;
const SPARE_BUFFERS_MAX = 4;
/** How long to wait for the rest of the output once the whole process tree is gone. */
const DRAIN_TIMEOUT_MS = 5000;

/** Reading is synchronous up to the copy, so one buffer serves all. */
const readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
const spareBuffers: Buffer[] = [];

export interface Output {
  /** What to give the child; its descriptors are closed by `childStarted`. */
  readonly stdio: StdioOptions;
  childStarted(child: ChildProcess | undefined): void;
  /** Called when all writers of a stream are gone, which often is the end of the task. */
  onEnd(listener: () => void): void;
  /** Waits, for a bounded time, until all that was written is in the files; then closes everything. */
  drain(): Promise<void>;
}

export interface OutputOwner {
  readonly uid: number;
  readonly gid: number;
}

export function fifoPath(directory: string, run: string, stream: string): string {
  return join(directory, `${run}.${stream}`);
}

export function removeFifos(directory: string, run: string): void {
  for (const stream of STREAMS) fs.rmSync(fifoPath(directory, run, stream), { force: true });
}

/** For a task about to start. `owner`: whom it will run as, so that it may open /dev/stdout by name. */
export async function createOutput(
  directory: string,
  run: string,
  sinks: readonly LogSink[],
  program: RunProgram,
  owner: OutputOwner | undefined,
): Promise<Output> {
  if (process.platform === "win32") return new Streams(sinks, []);
  const paths = STREAMS.map((stream) => fifoPath(directory, run, stream));
  await program("mkfifo", ["-m", "600", ...paths]);
  if (owner !== undefined) for (const path of paths) fs.chownSync(path, owner.uid, owner.gid);
  const childEnds: number[] = [];
  const output = new Streams(sinks, childEnds);
  try {
    for (const path of paths) childEnds.push(fs.openSync(path, fs.constants.O_RDWR));
    output.attach(paths);
    return output;
  } catch (error) {
    output.childStarted(undefined);
    await output.drain();
    throw error;
  }
}

/** For a task that outlived its keeper. */
export function reopenOutput(directory: string, run: string, sinks: readonly LogSink[]): Output {
  const output = new Streams(sinks, []);
  const paths = STREAMS.map((stream) => fifoPath(directory, run, stream));
  if (process.platform !== "win32" && paths.every((path) => fs.existsSync(path))) {
    output.attach(paths);
    // A FIFO tells its end only after it has had a writer in this reader's time.
    for (const path of paths)
      fs.closeSync(fs.openSync(path, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK));
  }
  return output;
}

class Streams implements Output {
  readonly #sinks: readonly LogSink[];
  readonly #childEnds: readonly number[];
  readonly #sockets: Socket[] = [];
  readonly #listeners: (() => void)[] = [];
  readonly #ended: Promise<void>[] = [];

  constructor(sinks: readonly LogSink[], childEnds: readonly number[]) {
    this.#sinks = sinks;
    this.#childEnds = childEnds;
  }

  get stdio(): StdioOptions {
    return ["ignore", this.#childEnds[0] ?? "pipe", this.#childEnds[1] ?? "pipe"];
  }

  attach(paths: readonly string[]): void {
    const flags = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK;
    for (const [index, path] of paths.entries()) {
      const fd = fs.openSync(path, flags);
      this.#read(index, (onread) => new Socket({ fd, readable: true, writable: false, onread }));
    }
  }

  childStarted(child: ChildProcess | undefined): void {
    for (const fd of this.#childEnds) fs.closeSync(fd);
    for (const [index, stream] of [child?.stdout, child?.stderr].entries()) {
      if (stream instanceof Socket) this.#pump(index, stream);
    }
  }

  onEnd(listener: () => void): void {
    this.#listeners.push(listener);
  }

  async drain(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DRAIN_TIMEOUT_MS);
    });
    await Promise.race([Promise.all(this.#ended), timeout]);
    clearTimeout(timer);
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#sinks.map((sink) => sink.close()));
  }

  /** A FIFO, read without a buffer of its own: most tasks are silent most of the time. */
  #read(index: number, open: (onread: OnRead) => Socket): void {
    const socket: Socket = open({
      buffer: readBuffer,
      callback: (length, buffer) => {
        const bytes = takeBuffer(buffer.subarray(0, length));
        void this.#sinks[index]?.write(bytes).then(() => {
          returnBuffer(bytes);
          socket.resume();
        });
        return false;
      },
    });
    this.#watch(socket);
    socket.resume();
  }

  /** A pipe that Node made (Windows). */
  #pump(index: number, socket: Socket): void {
    socket.on("data", (bytes) => {
      socket.pause();
      void this.#sinks[index]?.write(bytes).then(() => socket.resume());
    });
    this.#watch(socket);
  }

  #watch(socket: Socket): void {
    this.#sockets.push(socket);
    // An error ends the stream as well; "close" follows.
    socket.on("error", () => undefined);
    this.#ended.push(
      new Promise((resolve) => {
        socket.on("close", () => {
          resolve();
          for (const listener of this.#listeners) listener();
        });
      }),
    );
  }
}

interface OnRead {
  readonly buffer: Uint8Array;
  readonly callback: (length: number, buffer: Uint8Array) => boolean;
}

/** Copies what was read. Buffers are used again: garbage outside the heap is collected late. */
function takeBuffer(bytes: Uint8Array): Buffer {
  const buffer = spareBuffers.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
  buffer.set(bytes);
  return buffer.subarray(0, bytes.length);
}

function returnBuffer(buffer: Buffer): void {
  if (spareBuffers.length < SPARE_BUFFERS_MAX) spareBuffers.push(Buffer.from(buffer.buffer));
}
