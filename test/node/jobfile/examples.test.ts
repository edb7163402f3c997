/** The programs inside the examples do what their comments say; test/e2e/ shows them on a whole peer. */
import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import type { TaskSpec } from "../../../federation/index.ts";
import { parseJobFile } from "../../../node/jobfile/index.ts";

const root = join(import.meta.dirname, "..", "..", "..");

function taskOf(example: string): TaskSpec {
  const parsed = parseJobFile(readFileSync(join(root, "examples", example), "utf8"));
  const task = parsed.ok ? parsed.value.spec.groups[0]?.tasks[0] : undefined;
  assert.ok(task !== undefined, example);
  return task;
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
