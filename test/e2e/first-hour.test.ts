/** What a stranger does in the first hour, with the commands of the README, on real processes. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type CommandOutput, eventually, PeerProcess, runProgram, tasksOf } from "../../lab/index.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const PROGRAM = join(ROOT, "node", "main.ts");

let peer: PeerProcess;

before(async () => {
  peer = await PeerProcess.start({ args: ["--run", join(ROOT, "examples", "hello.yaml")] });
  await eventually("the first job runs, and all is told", () =>
    peer.output.includes("`peer down`") ? true : undefined,
  );
});

after(async () => {
  await peer.remove();
});

async function ok(...words: readonly string[]): Promise<string> {
  const result = await peer.cli(...words);
  assert.equal(result.code, 0, `peer ${words.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

async function json<Value>(...words: readonly string[]): Promise<Value> {
  return JSON.parse(await ok(...words, "--json")) as Value;
}

interface Allocation {
  readonly id: string;
  readonly address: string;
  readonly status: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly tasks: Readonly<Record<string, { readonly pid: number; readonly restarts: number }>>;
}

async function hello(): Promise<Allocation> {
  const [row] = await json<readonly Allocation[]>("ps", "hello");
  assert.ok(row !== undefined);
  return row;
}

function curl(...words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("curl", ["-sS", "--max-time", "10", ...words], (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  });
}

test("start tells node, API, and the allocation as it becomes running, with its address", () => {
  for (const pattern of [
    /node .+ of region local/,
    /api +http:\/\/127\.0\.0\.1:\d+/,
    /job hello version 1 \(admitted\)/,
  ]) {
    assert.match(peer.output, pattern);
  }
  assert.match(peer.output, /allocation [0-9a-f]{8} running {2}http at http:\/\/127\.0\.0\.1:\d+/);
  assert.match(peer.output, /Ctrl-C stops the peer and leaves tasks running; `peer down` stops both/);
});

test("ps, curl of the service, logs", async () => {
  const row = await hello();
  assert.equal(row.status, "running");
  assert.match(await ok("ps"), /^ID +JOB +GROUP +NODE +STATUS/);
  assert.match(
    await curl(`http://${row.address}:${row.ports["http"]}/`),
    new RegExp(`allocation ${row.id.slice(0, 8)}`),
  );
  assert.match(await ok("logs", "hello"), /GET \//);
});

test("logs -f shows what is written from now on", async () => {
  const row = await hello();
  const follow = spawn(process.execPath, [PROGRAM, "logs", "-f", "hello", "--data", peer.data]);
  const output = collect(follow);
  await eventually("it shows what was there", () => (output.text.includes("listening") ? true : undefined));
  await curl(`http://${row.address}:${row.ports["http"]}/followed`);
  await eventually("it shows the new line", () => (output.text.includes("GET /followed") ? true : undefined));
  follow.kill("SIGINT");
  await eventually("it ends", () =>
    follow.exitCode !== null || follow.signalCode !== null ? true : undefined,
  );
});

function collect(child: ChildProcess): { text: string } {
  const output = { text: "" };
  child.stdout?.on("data", (chunk: Buffer) => {
    output.text += chunk.toString();
  });
  return output;
}

test("status, alloc status, nodes, services, doctor, events tell what is there", async () => {
  const row = await hello();
  assert.match(await ok("status"), /Jobs +\d+ \(\d+ running/);
  assert.match(await ok("alloc", "status", row.id.slice(0, 6)), /Uses +\d+\.\d\d cores, \d/);
  assert.match(await ok("status", row.id.slice(0, 6)), new RegExp(row.id));
  assert.match(await ok("node", "show"), /process +healthy/);
  assert.match(await ok("nodes"), /ready/);
  assert.match(await ok("services"), /hello +127\.0\.0\.1:\d+ +healthy/);
  assert.match(await ok("doctor"), /ok +authority/);
  assert.match(await ok("events"), /AllocationPlaced/);
  assert.match(await ok("version"), /^peer \d+\.\d+\.\d+/);
});

test("tasks of a group start in order, tell their roles, and are cleaned up after", async () => {
  assert.match(await ok("run", join(ROOT, "examples", "tasks.yaml")), /1 of 1 running and healthy/);
  const [row] = await json<readonly Allocation[]>("ps", "tasks");
  assert.ok(row !== undefined);
  const page = await curl(`http://${row.address}:${row.ports["http"]}/`);
  assert.equal(page, "Hello from a prepared file");
  const roles = ["prepare +prestart +complete", "report +prestart sidecar +running", "store +main +running"];
  const status = await ok("alloc", "status", row.id.slice(0, 8));
  for (const role of [...roles, "web +main +running", "farewell +poststop +pending"]) {
    assert.match(status, new RegExp(`^${role}`, "m"));
  }
  await ok("job", "stop", "tasks");
  assert.match(await ok("logs", "tasks", "farewell"), /^closed after \d+ answers/);
  await ok("run", join(ROOT, "examples", "variants.yaml"));
  assert.match(await ok("logs", "variants"), /^Hello, /);
});

test("a job is validated, run, refused with its place, and told when it does not fit", async () => {
  assert.match(await ok("job", "validate", join(ROOT, "examples", "batch.yaml")), /is valid/);
  assert.match(await ok("run", join(ROOT, "examples", "batch.yaml")), /2 of 2 (running|complete)/);
  const wrong = await runWithInput(
    "job: x\ngroups:\n  a:\n    tasks:\n      t: { driver: process, confg: { command: ls } }\n",
  );
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /line 5/);
  assert.match(wrong.stderr, /confg/);
  assert.match(wrong.stderr, /config/);
  const large = await runWithInput(
    [
      "job: large",
      "groups: { a: { tasks: { t: { driver: process, config: { command: sleep, args: ['9'] },",
      "  resources: { memory: 900GiB } } } } }",
      "",
    ].join("\n"),
  );
  assert.equal(large.code, 2);
  assert.match(large.stdout, /not all of it could be placed/);
  assert.match(large.stdout, /memory \(1 of 1 nodes\)/);
  await ok("job", "stop", "large");
});

function runWithInput(input: string): Promise<CommandOutput> {
  return runProgram(PROGRAM, ["run", "-", "--data", peer.data], { input });
}

test("wrong usage exits with 64 and the way out", async () => {
  const flag = await peer.cli("ps", "--al");
  assert.equal(flag.code, 64);
  assert.match(flag.stderr, /unknown flag --al\n {2}next: did you mean --all\?/);
  const command = await peer.cli("jub", "ls");
  assert.equal(command.code, 64);
  assert.match(command.stderr, /unknown command `peer jub ls`\n {2}next: did you mean `peer job ls`\?/);
  const join_ = await runProgram(PROGRAM, ["start", "--join", "x", "--data", `${peer.data}-2`], {});
  assert.equal(join_.code, 64);
  assert.ok(!existsSync(`${peer.data}-2`), "nothing was made");
});

test("without a token nothing is told, not even which routes there are", async () => {
  for (const path of ["/v1/jobs", "/v1/nothing", "/"]) {
    const status = await curl("-o", "/dev/null", "-w", "%{http_code}", `http://${peer.address}${path}`);
    assert.equal(status, "401", path);
  }
  const rebound = await curl(
    "-o",
    "/dev/null",
    "-w",
    "%{http_code}",
    "-H",
    "Host: evil.example",
    `http://${peer.address}/v1/health`,
  );
  assert.equal(rebound, "421");
  assert.match(await curl(`http://${peer.address}/v1/health`), /"ok"/);
  assert.equal(statSync(join(peer.data, "token")).mode & 0o777, 0o600);
});

test("a taken port names its holder", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const result = await runProgram(
    PROGRAM,
    ["start", "--data", `${peer.data}-3`, "--api", `127.0.0.1:${address.port}`],
    {},
  );
  server.close();
  assert.equal(result.code, 1);
  assert.match(result.stderr, new RegExp(`127.0.0.1:${address.port} is taken by`));
  if (process.platform === "linux") assert.match(result.stderr, new RegExp(`pid ${process.pid}\\)`));
  assert.match(result.stderr, /next: .*--api/);
});

test("a second peer on the same data directory is refused", async () => {
  const result = await runProgram(PROGRAM, ["start", "--data", peer.data, "--api", "127.0.0.1:0"], {});
  assert.equal(result.code, 1);
  assert.match(result.stderr, new RegExp(String(peer.pid)));
});

test("restart cycles the task in place, a stopped allocation is placed again", async () => {
  const before_ = await hello();
  await ok("alloc", "restart", "hello");
  const restarted = await hello();
  assert.equal(restarted.id, before_.id);
  assert.equal(restarted.tasks["server"]?.restarts, 1);
  await ok("alloc", "stop", restarted.id);
  const replaced = await hello();
  assert.notEqual(replaced.id, before_.id);
});

test("SIGTERM leaves tasks running and says so, the next start takes them up, down ends all", async () => {
  const running = await hello();
  const pid = running.tasks["server"]?.pid ?? 0;
  await peer.kill("SIGTERM");
  assert.match(peer.output, /1 task runs on/);
  process.kill(pid, 0);
  const gone = await peer.cli("ps");
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /no peer answers.*\n {2}next: start one with `peer start`/);
  peer = await PeerProcess.start({ data: peer.data });
  const again = await hello();
  assert.deepEqual([again.id, again.tasks["server"]?.pid], [running.id, pid]);
  assert.match(await ok("down"), /and its tasks have stopped/);
  // The command has seen it end; this process may hear of its child a moment later.
  await eventually("the peer's process has ended", () => (peer.alive ? undefined : true));
  if (process.platform === "linux") assert.deepEqual(tasksOf(peer.data), []);
  assert.throws(() => readFileSync(join(peer.data, "api.json")));
});
