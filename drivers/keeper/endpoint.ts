/** Where the keeper listens, and the secrets that client and keeper prove themselves with: one file, 0600. */
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isRecord } from "./protocol.ts";
import type { ProcessIdentity } from "./system/process-table.ts";

export interface Endpoint {
  readonly version: 1;
  /** Path of a Unix socket, or of a named pipe. */
  readonly address: string;
  /**
   * The client shows the first, the keeper answers with the second: a stranger at the address knows neither.
   */
  readonly clientSecret: string;
  readonly keeperSecret: string;
  readonly process: ProcessIdentity;
}

/** 104 on macOS, 108 on Linux, with the closing zero. */
const SOCKET_PATH_BYTES_MAX = 100;
const SECRET_BYTES = 32;
const TEMPORARY_PREFIX = "peer-keeper-";
const FILE_NAME = "keeper.json";
const SOCKET_NAME = "socket";

export function keeperDirectory(dataDirectory: string): string {
  return join(dataDirectory, "keeper");
}

export function recordDirectory(directory: string): string {
  return join(directory, "runs");
}

export function fifoDirectory(directory: string): string {
  return join(directory, "fifos");
}

/** Its parent must be there: a data directory that somebody removed is not brought back. */
export function makePrivate(directory: string): void {
  try {
    fs.mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    fs.chmodSync(directory, 0o700);
  }
}

/** Undefined when there is none or it can't be read; it is replaced with every keeper. */
export function readEndpoint(directory: string): Endpoint | undefined {
  let value: unknown;
  try {
    value = JSON.parse(fs.readFileSync(join(directory, FILE_NAME), "utf8"));
  } catch {
    return undefined;
  }
  const fields = ["address", "clientSecret", "keeperSecret"];
  if (!isRecord(value) || value["version"] !== 1) return undefined;
  const record = value;
  return fields.every((field) => typeof record[field] === "string") && isRecord(record["process"])
    ? (value as unknown as Endpoint)
    : undefined;
}

/** Picks a fresh address and fresh secrets. The socket of a former keeper is removed. */
export async function createEndpoint(directory: string, self: ProcessIdentity): Promise<Endpoint> {
  removeSocket(directory, readEndpoint(directory));
  return {
    version: 1,
    address: await chooseAddress(directory),
    clientSecret: await randomHex(SECRET_BYTES),
    keeperSecret: await randomHex(SECRET_BYTES),
    process: self,
  };
}

/** Call once the keeper listens: whoever reads it may connect. */
export function publishEndpoint(directory: string, endpoint: Endpoint): void {
  const path = join(directory, FILE_NAME);
  fs.writeFileSync(`${path}.tmp`, JSON.stringify(endpoint), { mode: 0o600 });
  fs.renameSync(`${path}.tmp`, path);
}

export function withdrawEndpoint(directory: string, endpoint: Endpoint): void {
  fs.rmSync(join(directory, FILE_NAME), { force: true });
  removeSocket(directory, endpoint);
}

function removeSocket(directory: string, endpoint: Endpoint | undefined): void {
  if (process.platform === "win32" || endpoint === undefined) return;
  fs.rmSync(join(directory, SOCKET_NAME), { force: true });
  const place = dirname(endpoint.address);
  if (!place.includes(`/${TEMPORARY_PREFIX}`)) return;
  fs.rmSync(join(place, SOCKET_NAME), { force: true });
  try {
    fs.rmdirSync(place);
  } catch {
    // Not empty, or gone: it is not ours alone to judge.
  }
}

async function chooseAddress(directory: string): Promise<string> {
  if (process.platform === "win32") return `\\\\.\\pipe\\${TEMPORARY_PREFIX}${await randomHex(SECRET_BYTES)}`;
  const path = join(directory, SOCKET_NAME);
  fs.rmSync(path, { force: true });
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path;
  for (const place of [tmpdir(), "/tmp"]) {
    // The six random characters and the slash that mkdtemp and join add.
    const bytes = Buffer.byteLength(join(place, `${TEMPORARY_PREFIX}xxxxxx`, SOCKET_NAME));
    // mkdtemp makes a directory of its own with mode 0700: nobody can put a socket there before.
    if (bytes <= SOCKET_PATH_BYTES_MAX) {
      return join(fs.mkdtempSync(join(place, TEMPORARY_PREFIX)), SOCKET_NAME);
    }
  }
  throw new Error("no directory with a path short enough for a socket");
}

/**
 * From the kernel where it has a file for it: loading node:crypto costs more memory than the rest of the
 * keeper.
 */
async function randomHex(bytes: number): Promise<string> {
  if (process.platform === "win32") {
    const { randomBytes } = await import("node:crypto");
    return randomBytes(bytes).toString("hex");
  }
  const fd = fs.openSync("/dev/urandom", "r");
  try {
    const buffer = Buffer.alloc(bytes);
    if (fs.readSync(fd, buffer) !== bytes) throw new Error("/dev/urandom gave too little");
    return buffer.toString("hex");
  } finally {
    fs.closeSync(fd);
  }
}
