/** The process itself: pipes that close early, Ctrl-C, standard input, exit codes. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ok, type Script, TOKEN, withApi } from "./support/fake-api.ts";
import { allocation, job, receipt } from "./support/rows.ts";

const PROGRAM = join(import.meta.dirname, "..", "..", "..", "node", "main.ts");

interface Started {
  readonly child: ChildProcess;
  readonly output: { text: string; errors: string };
}

/** `act` gets the running process; resolves with how it ended and all it printed. */
async function command(
  script: Script,
  argv: readonly string[],
  act: (started: Started) => Promise<void> | void,
): Promise<{ readonly code: number | null; readonly output: string; readonly errors: string }> {
  return withApi(script, async ({ address }) => {
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", PROGRAM, ...argv], {
      env: { PATH: process.env["PATH"], PEER_ADDR: address, PEER_TOKEN: TOKEN },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const output = { text: "", errors: "" };
    child.stdout?.on("data", (chunk: Buffer) => {
      output.text += chunk.toString();
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      output.errors += chunk.toString();
    });
    const ended = once(child, "close");
    try {
      await act({ child, output });
      const [code] = (await ended) as [number | null];
      return { code, output: output.text, errors: output.errors };
    } finally {
      child.kill("SIGKILL");
    }
  });
}

/** Resolves with the first output. */
async function firstOutput({ child }: Started): Promise<void> {
  if (child.stdout !== null) await once(child.stdout, "data");
}

const event = (index: number) =>
  `id: c${index}\nevent: JobAdmitted\ndata: {"message":"${"x".repeat(1000)}"}\n\n`;
const isWindows = process.platform === "win32";

describe("the process", () => {
  test("ends without a word when nobody reads on", async () => {
    const endless = {
      "GET /v1/events": {
        chunks: Array.from({ length: 2000 }, (_, index) => event(index)),
        end: "open" as const,
      },
    };
    const { code, errors } = await command(endless, ["events", "-f"], async (started) => {
      await firstOutput(started);
      started.child.stdout?.destroy();
    });
    assert.deepEqual([code, errors], [0, ""]);
  });

  test("ends with Ctrl-C, 130 for what was followed", { skip: isWindows }, async () => {
    const silent = { "GET /v1/events": { chunks: [event(1)], end: "open" as const } };
    const { code, errors } = await command(silent, ["events", "-f"], async (started) => {
      await firstOutput(started);
      started.child.kill("SIGINT");
    });
    assert.deepEqual([code, errors], [130, ""]);
  });

  test("goes on without the watcher after Ctrl-C in a monitor", { skip: isWindows }, async () => {
    const script = {
      "POST /v1/jobs": ok(receipt()),
      "GET /v1/jobs/shop": [
        ok(job({ allocations: [allocation("a", { health: "unknown" })] }), { "x-peer-index": "c1" }),
        { end: "open" as const },
      ],
    };
    const { code, output } = await command(script, ["run", "-"], async (started) => {
      started.child.stdin?.end("job: shop\n");
      while (!started.output.text.includes("running")) await firstOutput(started);
      started.child.kill("SIGINT");
    });
    assert.match(output, /==> no longer watching; job shop goes on\n/);
    assert.equal(code, 0);
  });

  test("takes a job file from standard input, also an empty one", async () => {
    const script = { "POST /v1/validate": ok({ valid: true, warnings: [] }) };
    const given = await command(
      script,
      ["job", "validate", "-"],
      ({ child }) => void child.stdin?.end("job: shop\n"),
    );
    assert.deepEqual([given.code, given.output], [0, "standard input is valid\n"]);
    const empty = await command(script, ["job", "validate", "-"], ({ child }) => void child.stdin?.end());
    assert.deepEqual([empty.code, empty.errors.split("\n")[0]], [1, "error: standard input is empty"]);
  });

  test("of a peer runs on when nobody reads what it prints, and stops in order", {
    skip: isWindows,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "peer-process-"));
    const data = join(folder, "data");
    try {
      const argv = ["start", "--data", data, "--api", "127.0.0.1:0"];
      const { code } = await command({}, argv, async (started) => {
        await firstOutput(started);
        started.child.stdout?.destroy();
        assert.ok(existsSync(join(data, "api.json")));
        started.child.kill("SIGINT");
      });
      assert.equal(code, 0);
      assert.ok(!existsSync(join(data, "api.json")));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("has the exit code of wrong usage", async () => {
    const { code, errors } = await command({}, ["ps", "--al"], () => undefined);
    assert.equal(code, 64);
    assert.match(errors, /^error: unknown flag --al\n/);
  });
});
