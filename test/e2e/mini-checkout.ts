/**
 * A small checkout to start `./peer` in, with a PATH of its own: the system's tools, and a `node` and an
 * `npm` that the test chooses. No test here needs a network.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bundledRuntime, filesOf } from "../../node/launcher/checkout.mjs";

const repository = join(import.meta.dirname, "..", "..");
const machine = `${process.platform}-${process.arch}`;
const pollMs = 10;
/** The tools that `./peer` and the stand-ins below call. */
const tools = ["sh", "uname", "cmp", "readlink", "rm", "mkdir", "cp", "sleep", "cat", "env"];

export const skip = bundledRuntime(repository, machine) ? false : `npm has no Node for ${machine}`;

/** Prints what it was started as. `start` also runs on, marked as running, until its standard input ends. */
const program = `
import { markRunning } from "./launcher/running-mark.ts";
const args: readonly string[] = process.argv.slice(2);
const { NODE_OPTIONS, NODE_COMPILE_CACHE } = process.env;
const version: string = process.version;
const release = args[0] === "start" ? markRunning() : () => {};
const inherited = { NODE_OPTIONS, NODE_COMPILE_CACHE };
const self = { args, pid: process.pid, version, entry: process.argv[1], inherited };
process.stdout.write(JSON.stringify(self) + "\\n");
if (args[0] === "start") process.stdin.resume().on("end", release);
if (args[0] === "exit") process.exitCode = Number(args[1]);
`;

/** What the program prints. */
export interface Started {
  readonly args: readonly string[];
  readonly pid: number;
  readonly entry: string;
  readonly inherited: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Of the process that was started, as `./peer`. */
  readonly pid: number | undefined;
}

export interface Options {
  readonly command?: string;
  readonly cwd?: string;
  /** The shell to run `./peer` in, instead of the one its first line names. */
  readonly shell?: readonly string[];
}

/** How the stand-in for npm behaves; `slow` waits for `proceed()`. */
export type NpmKind = "works" | "slow" | "offline" | "broken" | "brings nothing";

export class MiniCheckout {
  readonly root: string;
  readonly bin: string;
  readonly runtime: string;
  private readonly base: string;

  constructor(context: TestContext) {
    this.base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "peer launcher é ")));
    this.root = join(this.base, "check out");
    this.bin = join(this.base, "bin");
    this.runtime = bundledRuntime(this.root, machine) ?? "";
    context.after(() => fs.rmSync(this.base, { recursive: true, force: true }));
    fs.mkdirSync(join(this.root, "node"), { recursive: true });
    fs.mkdirSync(this.bin);
    for (const name of ["peer", "node/launcher", "package.json"]) {
      fs.cpSync(join(repository, name), join(this.root, name), { recursive: true });
    }
    fs.symlinkSync(join(repository, "federation"), join(this.root, "federation"));
    fs.writeFileSync(join(this.root, "node", "main.ts"), program);
    this.writeLock(1);
    for (const tool of tools) this.linkTool(tool);
    this.setNpm("works");
  }

  /** A lock file that differs from another by its number. */
  writeLock(number: number): void {
    const packages = { "": { name: `lock-${number}` }, "node_modules/a": { version: `${number}.0.0` } };
    fs.writeFileSync(join(this.root, "package-lock.json"), JSON.stringify({ packages }));
  }

  /** A `node` on the PATH: this test's own under another version, or none. */
  setNode(version: string | undefined): void {
    if (version === undefined) fs.rmSync(join(this.bin, "node"), { force: true });
    else
      this.script(
        "node",
        `[ "$1" = --version ] && { echo ${version}; exit; }\nexec "${process.execPath}" "$@"`,
      );
  }

  setNpm(kind: NpmKind | undefined): void {
    if (kind === undefined) {
      fs.rmSync(join(this.bin, "npm"), { force: true });
      return;
    }
    const fails = {
      offline: "echo 'npm error code ENOTFOUND' >&2; exit 1",
      broken: "echo 'npm error something odd' >&2; exit 1",
    };
    const ends = kind === "offline" || kind === "broken" ? fails[kind] : "";
    // As npm ci does: empties node_modules first, writes its record last.
    const brings = `mkdir -p "${join(this.runtime, "..")}"; cp -P "${this.base}/runtime" "${this.runtime}"`;
    const waits = `while ! [ -e "${this.base}/proceed" ]; do sleep 0.02; done`;
    const record = `cp package-lock.json node_modules/.package-lock.json`;
    const body = [
      `echo "$@" >> "${this.base}/npm-calls"`,
      "rm -rf node_modules; mkdir node_modules",
      ends,
      kind === "slow" ? waits : "",
      kind === "brings nothing" ? "exit" : brings,
      record,
    ];
    fs.rmSync(join(this.base, "runtime"), { force: true });
    fs.symlinkSync(process.execPath, join(this.base, "runtime"));
    this.script("npm", body.join("\n"));
  }

  setUname(system: string): void {
    this.script("uname", `echo '${system}'`);
  }

  /** Lets a slow npm end. */
  proceed(): void {
    fs.writeFileSync(join(this.base, "proceed"), "");
  }

  npmCalls(): string[] {
    const file = join(this.base, "npm-calls");
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim().split("\n") : [];
  }

  files(): ReturnType<typeof filesOf> {
    return filesOf(this.root);
  }

  /** The processes that hold the install lock, once there are that many. */
  async lockHolders(count: number): Promise<number[]> {
    for (;;) {
      const file = this.files().lock;
      const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim().split("\n") : [];
      if (lines.length >= count) return lines.map((line) => JSON.parse(line).pid);
      await sleep(pollMs);
    }
  }

  /** Waits until npm has been called that often: it starts a moment after its process does. */
  async npmCalled(times: number): Promise<void> {
    while (this.npmCalls().length < times) await sleep(pollMs);
  }

  /** A path beside the checkout, for links to it. */
  beside(name: string): string {
    return join(this.base, name);
  }

  start(args: readonly string[], options: Options = {}): Run {
    const [file = "", ...before] = [...(options.shell ?? []), options.command ?? join(this.root, "peer")];
    const child = spawn(file, [...before, ...args], {
      cwd: options.cwd ?? tmpdir(),
      env: { PATH: this.bin, HOME: this.base },
    });
    return new Run(child);
  }

  /** Starts, and waits for the end. */
  run(args: readonly string[], options: Options = {}): Promise<Ended> {
    const run = this.start(args, options);
    run.child.stdin?.end();
    return run.ended();
  }

  private linkTool(name: string): void {
    const folders = (process.env["PATH"] ?? "").split(delimiter);
    const found = folders.map((folder) => join(folder, name)).find((file) => fs.existsSync(file));
    if (found) fs.symlinkSync(found, join(this.bin, name));
  }

  private script(name: string, body: string): void {
    const file = join(this.bin, name);
    fs.rmSync(file, { force: true });
    fs.writeFileSync(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }
}

/** One start of `./peer`, and what it printed so far. */
export class Run {
  readonly child: ChildProcess;
  private stdout = "";
  private stderr = "";
  private readonly closed: Promise<unknown>;

  constructor(child: ChildProcess) {
    this.child = child;
    this.closed = once(child, "close");
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
  }

  /** Waits until it has printed this, on either stream. */
  async says(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.stdout + this.stderr)) {
      const streams = [this.child.stdout, this.child.stderr].filter((stream) => stream !== null);
      const closed = this.closed.then(() => "closed");
      const next = await Promise.race([...streams.map((stream) => once(stream, "data")), closed]);
      const heard = pattern.test(this.stdout + this.stderr);
      if (next === "closed" && !heard)
        throw new Error(`never said ${pattern}:\n${this.stdout}${this.stderr}`);
    }
  }

  /** Its own end; what it started may still hold its streams open. */
  async exited(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
  }

  async ended(): Promise<Ended> {
    await this.closed;
    return { code: this.child.exitCode, stdout: this.stdout, stderr: this.stderr, pid: this.child.pid };
  }
}

export function started({ stdout, stderr, code }: Ended): Started {
  if (!stdout.startsWith("{")) throw new Error(`not started, exit code ${code}:\n${stdout}${stderr}`);
  return JSON.parse(stdout);
}
