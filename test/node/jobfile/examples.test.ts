/** The programs inside the examples do what their comments say; test/e2e/ shows them on a whole peer. */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { previewJob, type TaskSpec, taskOn } from "../../../federation/index.ts";
import { RELEASE } from "../../../node/index.ts";
import { parseJobFile } from "../../../node/jobfile/index.ts";
import { ledgerOf, node } from "../api/tables.ts";

const root = join(import.meta.dirname, "..", "..", "..");

/** Of the first group and its first task, unless they are named. */
function taskOf(example: string, name?: string, task?: string): TaskSpec {
  const parsed = parseJobFile(readFileSync(join(root, "examples", example), "utf8"));
  const groups = parsed.ok ? parsed.value.spec.groups : [];
  const tasks = groups.find((group) => name === undefined || group.name === name)?.tasks ?? [];
  const found = tasks.find((each) => task === undefined || each.name === task);
  assert.ok(found !== undefined, example);
  return found;
}

/** As the process driver starts it, with the environment that the agent gives. */
function start(task: TaskSpec, env: Record<string, string>, cwd = root): ChildProcessWithoutNullStreams {
  const { command, args } = task.config as { command: string; args: string[] };
  assert.equal(command, "node");
  const child = spawn(process.execPath, args, { cwd, env: { ...process.env, ...env, ...task.env } });
  child.stderr.resume();
  return child;
}

async function runToEnd(task: TaskSpec, env: Record<string, string>, cwd?: string) {
  const child = start(task, env, cwd);
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  if (child.exitCode === null) await once(child, "exit");
  return { lines, exitCode: child.exitCode };
}

const MACHINES = [
  { os: "linux", arch: "x64" },
  { os: "linux", arch: "arm64" },
  { os: "darwin", arch: "arm64" },
  { os: "windows", arch: "x64" },
] as const;

describe("the examples on one node", () => {
  const examples = readdirSync(join(root, "examples")).filter((file) => file.endsWith(".yaml"));
  for (const { os, arch } of MACHINES) {
    test(`all have a place on ${os} ${arch}`, () => {
      const attributes = { os, arch, "cpu.count": "1", "peer.version": RELEASE };
      const machine = node({ os, arch, attributes, meta: {} });
      for (const file of examples) {
        const parsed = parseJobFile(readFileSync(join(root, "examples", file), "utf8"));
        assert.ok(parsed.ok, file);
        const { spec } = parsed.value;
        const preview = previewJob(ledgerOf({ nodes: [machine] }), spec, { seed: 0, nowMs: 0 });
        assert.deepEqual(preview.refusals, [], file);
        const wanted = spec.groups.reduce((sum, group) => sum + group.count, 0);
        assert.equal(preview.placements.length, wanted, file);
      }
    });
  }
});

describe("the examples", () => {
  test("hello answers who it is, logs each request, and ends by itself when asked to", async () => {
    const child = start(taskOf("hello.yaml"), {
      PEER_IP_http: "127.0.0.1",
      PEER_PORT_http: "0",
      PEER_ALLOC_ID: "0123456789abcdef",
      PEER_NODE_NAME: "attic",
    });
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const address = /^listening on (\S+)$/.exec(String((await lines.next()).value))?.[1];
      assert.ok(address !== undefined);
      assert.equal(await (await fetch(`${address}/health`)).text(), "ok\n");
      const answer = await (await fetch(`${address}/here`)).text();
      assert.equal(answer, "Hello from allocation 01234567 on attic, answer 1\n");
      assert.match(String((await lines.next()).value), /^\d{4}-\S+Z GET \/here$/);

      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      // Windows has no signals: there the process is ended at once.
      if (process.platform !== "win32") assert.equal(child.exitCode, 0);
    } finally {
      child.kill("SIGKILL");
    }
  });

  test("batch counts, each instance its share, and is done", async () => {
    const task = { ...taskOf("batch.yaml"), env: { PAUSE_MS: "0" } };
    for (const index of [0, 1]) {
      const { lines, exitCode } = await runToEnd(task, { PEER_ALLOC_INDEX: String(index) });
      const numbers = Array.from({ length: 10 }, (_, at) => 1 + 10 * index + at);
      const counted = numbers.map((number) => `instance ${index} counts ${number}`);
      assert.deepEqual(lines, [...counted, "done"]);
      assert.equal(exitCode, 0);
    }
  });

  test("system tells of its node until it is asked to stop", async () => {
    const child = start(taskOf("system.yaml"), { PEER_NODE_NAME: "attic" });
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      assert.match(String((await lines.next()).value), /^attic has \d{1,3} % of its memory left$/);
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      if (process.platform !== "win32") assert.equal(child.exitCode, 0);
    } finally {
      child.kill("SIGKILL");
    }
  });

  test("sysbatch and constraints say where they ran, and are done", async () => {
    const sysbatch = await runToEnd(taskOf("sysbatch.yaml"), { PEER_NODE_NAME: "attic" });
    assert.equal(sysbatch.exitCode, 0);
    assert.match(sysbatch.lines.join(), /^attic: \w+, \w+, \d+ cores$/);
    const constraints = await runToEnd(taskOf("constraints.yaml"), { PEER_NODE_NAME: "attic" });
    assert.deepEqual(constraints, { lines: ["placed on attic"], exitCode: 0 });
  });

  test("spread answers which instance it is", async () => {
    const child = start(taskOf("spread.yaml"), {
      PEER_IP_http: "127.0.0.1",
      PEER_PORT_http: "0",
      PEER_ALLOC_INDEX: "2",
      PEER_NODE_NAME: "attic",
    });
    try {
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const address = /^listening on (\S+)$/.exec(String((await lines.next()).value))?.[1];
      assert.ok(address !== undefined);
      assert.equal(await (await fetch(address)).text(), "instance 2 on attic\n");
    } finally {
      child.kill("SIGKILL");
    }
  });

  test("near runs both of its groups until they are asked to stop", async () => {
    for (const [group, line] of [
      ["cache", "caching"],
      ["web", "beside a cache on attic"],
    ] as const) {
      const child = start(taskOf("near.yaml", group), {
        PEER_IP_cache: "127.0.0.1",
        PEER_PORT_cache: "0",
        PEER_NODE_NAME: "attic",
      });
      try {
        const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
        assert.equal(String((await lines.next()).value), line);
        child.kill("SIGTERM");
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
        if (process.platform !== "win32") assert.equal(child.exitCode, 0);
      } finally {
        child.kill("SIGKILL");
      }
    }
  });

  test("tasks prepare, report, answer and take leave, over files that they share", async () => {
    const directory = mkdtempSync(join(tmpdir(), "peer-example-"));
    const env = { PEER_ALLOC_DIR: directory, PEER_IP_store: "127.0.0.1", PEER_PORT_store: "0" };
    const children: ChildProcessWithoutNullStreams[] = [];
    const begin = (name: string, more: Record<string, string> = {}) => {
      const task = taskOf("tasks.yaml", "shop", name);
      // What the agent would fill in is given by the test.
      const child = start({ ...task, env: {} }, { ...env, ...more });
      children.push(child);
      return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
    };
    const next = async ({ lines }: ReturnType<typeof begin>) => String((await lines.next()).value);
    try {
      mkdirSync(join(directory, "data"));
      const prepared = await runToEnd(taskOf("tasks.yaml", "shop", "prepare"), env);
      assert.deepEqual(prepared, { lines: ["prepared"], exitCode: 0 });
      const report = begin("report");
      assert.equal(await next(report), "reporting");
      const port = /^store at (\d+)$/.exec(await next(begin("store")))?.[1] ?? "";
      const web = begin("web", {
        ...{ STORE_IP: "127.0.0.1", STORE_PORT: port, PEER_IP_http: "127.0.0.1", PEER_PORT_http: "0" },
      });
      const address = /^web at (\S+)$/.exec(await next(web))?.[1] ?? "";
      assert.equal(await (await fetch(address)).text(), "Hello from a prepared file");
      assert.equal(await next(report), "1 answers");
      const farewell = await runToEnd(taskOf("tasks.yaml", "shop", "farewell"), env);
      assert.deepEqual(farewell, { lines: ["closed after 1 answers"], exitCode: 0 });
    } finally {
      for (const child of children) child.kill("SIGKILL");
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test("variants greet as each platform does", async () => {
    const task = taskOf("variants.yaml");
    for (const { os, arch } of MACHINES) {
      assert.equal(taskOn(task, { os, arch })?.config["command"], os === "windows" ? "cmd.exe" : "sh");
    }
    if (process.platform !== "linux") return;
    const config = taskOn(task, { os: "linux", arch: "x64" })?.config;
    const { args, command } = config as { command: string; args: string[] };
    const child = spawn(command, args, { env: { ...process.env, GREETING: "Hello", PLACE: "linux on x64" } });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    assert.equal(String((await lines.next()).value), "Hello, linux on x64");
    if (child.exitCode === null) await once(child, "exit");
    assert.equal(child.exitCode, 0);
  });

  test("crash-loop counts its starts and fails each time", async () => {
    const cwd = mkdtempSync(join(tmpdir(), "peer-example-"));
    try {
      const task = taskOf("crash-loop.yaml");
      for (const count of [1, 2]) {
        const { lines, exitCode } = await runToEnd(task, { PEER_ALLOC_ID: "0123" }, cwd);
        assert.deepEqual(lines, [`start ${count} in allocation 0123`]);
        assert.equal(exitCode, 3);
      }
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  });
});
