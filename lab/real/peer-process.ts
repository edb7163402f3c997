/**
 * A real peer in a process of its own, on loopback, with a data directory of its own: for tests and
 * benchmarks.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");
const READY_TIMEOUT_MS = 60_000;
const COMMAND_TIMEOUT_MS = 120_000;
const POLL_MS = 10;
const OUTPUT_CHARACTERS_MAX = 1_000_000;

export interface CommandOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface PeerOptions {
  /** An existing data directory, to start a stopped peer again; absent: a new one. */
  readonly data?: string;
  readonly args?: readonly string[];
  /** Entry program; absent: the sources. */
  readonly program?: string;
}

export class PeerProcess {
  readonly data: string;
  readonly pid: number;
  readonly address: string;
  readonly token: string;
  /** From the start of the process to the first answer of the API. */
  readonly readyMs: number;
  readonly #child: ChildProcess;
  readonly #program: string;
  readonly #output: { text: string };

  private constructor(fields: {
    data: string;
    address: string;
    token: string;
    readyMs: number;
    child: ChildProcess;
    program: string;
    output: { text: string };
  }) {
    this.data = fields.data;
    this.pid = fields.child.pid ?? 0;
    this.address = fields.address;
    this.token = fields.token;
    this.readyMs = fields.readyMs;
    this.#child = fields.child;
    this.#program = fields.program;
    this.#output = fields.output;
  }

  /** Resolves when the API answers; throws with what the peer printed when it ends before that. */
  static async start(options: PeerOptions = {}): Promise<PeerProcess> {
    const data = options.data ?? join(await mkdtemp(join(tmpdir(), "peer-")), "data");
    const program = options.program ?? join(ROOT, "node", "main.ts");
    const startedMs = performance.now();
    const child = spawn(
      process.execPath,
      [program, "start", "--data", data, "--api", "127.0.0.1:0", ...(options.args ?? [])],
      {
        stdio: ["ignore", "pipe", "pipe"],
        env: cleanEnvironment(),
      },
    );
    const output = { text: "" };
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        if (output.text.length < OUTPUT_CHARACTERS_MAX) output.text += chunk.toString();
      });
    }
    try {
      const address = await ready(child, data, output);
      const readyMs = performance.now() - startedMs;
      const token = readFileSync(join(data, "token"), "utf8").trim();
      return new PeerProcess({ data, address, token, readyMs, child, program, output });
    } catch (cause) {
      child.kill("SIGKILL");
      throw cause;
    }
  }

  /** What it printed so far. */
  get output(): string {
    return this.#output.text;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Runs the command line against this peer. */
  cli(...words: readonly string[]): Promise<CommandOutput> {
    return runProgram(this.#program, [...words, "--data", this.data], {});
  }

  /** A JSON answer of the API; throws on any other status than 2xx. */
  async request<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    return JSON.parse(await this.#fetch(method, path, body)) as Answer;
  }

  /** An answer that is no JSON. */
  text(path: string): Promise<string> {
    return this.#fetch("GET", path, undefined);
  }

  async #fetch(method: string, path: string, body: unknown): Promise<string> {
    const response = await fetch(`http://${this.address}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text;
  }

  /** Resolves when the process has ended. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    const exited = this.alive ? once(this.#child, "exit") : Promise.resolve();
    this.#child.kill(signal);
    await exited;
  }

  /** Ends the peer with its tasks, whatever state it is in, and removes its data. */
  async remove(): Promise<void> {
    let peer: PeerProcess = this;
    if (!peer.alive) peer = await PeerProcess.start({ data: this.data, program: this.#program });
    await peer.cli("down");
    if (peer.alive) await peer.kill("SIGKILL");
    await rm(join(this.data, ".."), { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Runs `peer` with these words; never throws for its exit code. */
export function runProgram(
  program: string,
  words: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly input?: string },
): Promise<CommandOutput> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [program, ...words],
      {
        timeout: COMMAND_TIMEOUT_MS,
        env: { ...cleanEnvironment(), ...options.env },
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.end(options.input ?? "");
  });
}

/** Nothing of the caller's own settings reaches the peer. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const env = { ...process.env };
  for (const name of Object.keys(env)) if (/^(PEER|NOMAD|NODE)_/.test(name)) delete env[name];
  return env;
}

async function ready(child: ChildProcess, data: string, output: { text: string }): Promise<string> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS;
  const file = join(data, "api.json");
  while (performance.now() < deadlineMs) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(
        `the peer ended (${child.exitCode ?? child.signalCode}) before it was ready:\n${output.text}`,
      );
    }
    const address = existsSync(file) ? addressFor(child, readFileSync(file, "utf8")) : undefined;
    if (address !== undefined && (await answers(address))) return address;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`the peer was not ready in time:\n${output.text}`);
}

/** The file may still be of a peer that was killed. */
function addressFor(child: ChildProcess, text: string): string | undefined {
  const value = JSON.parse(text) as { address?: string; pid?: number };
  return value.pid === child.pid ? value.address : undefined;
}

async function answers(address: string): Promise<boolean> {
  try {
    return (await fetch(`http://${address}/v1/health`)).ok;
  } catch {
    return false;
  }
}
