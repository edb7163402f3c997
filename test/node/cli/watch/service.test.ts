/** Whole sessions of `peer run` and `peer stop` with services, as people see them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { STUCK_MS } from "../../../../node/cli/watch/verdict.ts";
import { ok } from "../support/fake-api.ts";
import { ago, allocation, evaluation, group, id, job, receipt, task } from "../support/rows.ts";
import { watchSession } from "../support/session.ts";
import { healthy, pending, placed, running } from "../support/stages.ts";

const submitted = { "POST /v1/jobs": ok(receipt()) };
describe("watching a service", () => {
  test("tells placement, addresses and health, and ends when it is up", async () => {
    const states = [
      job({ status: "pending", evaluations: [pending] }),
      job({ allocations: [placed] }),
      job({ allocations: [{ ...placed, status: "starting", modify_index: 12 }] }),
      job({ allocations: [running] }),
      job({ allocations: [healthy] }),
    ];
    const session = await watchSession({ argv: ["run", "-"], states, script: submitted });
    assert.equal(session.stderr, "");
    assert.equal(
      session.stdout,
      `==> job shop version 1 (admitted)
    web[0]  allocation aaaaaaaa placed on sparrow
    web[0]  allocation aaaaaaaa running  http at http://127.0.0.1:20711
    web[0]  allocation aaaaaaaa healthy
==> job shop version 1: 1 of 1 running and healthy
`,
    );
    assert.equal(session.code, 0);
  });

  test("tells what is waited for, and leaves what comes before the main tasks its time", async () => {
    const init = task({ hook: "prestart", started_at: ago(0) });
    const waiting = {
      ...placed,
      status: "starting" as const,
      modify_index: 12,
      message: "app: waits for init to end well",
      tasks: { init, app: task({ state: "pending", pid: null, started_at: null }) },
    };
    const states = [
      job({ allocations: [placed] }),
      ...Array.from({ length: 40 }, () => job({ allocations: [waiting] })),
      job({ allocations: [healthy] }),
    ];
    const session = await watchSession({
      argv: ["run", "-"],
      states,
      script: submitted,
      gapMs: STUCK_MS / 20,
    });
    assert.equal(
      session.stdout,
      `==> job shop version 1 (admitted)
    web[0]  allocation aaaaaaaa placed on sparrow
    web[0]  allocation aaaaaaaa starting: app: waits for init to end well
    web[0]  allocation aaaaaaaa running  http at http://127.0.0.1:20711
    web[0]  allocation aaaaaaaa healthy
==> job shop version 1: 1 of 1 running and healthy
`,
    );
    assert.equal(session.code, 0);
  });

  test("without checks takes 5 seconds of running for well", async () => {
    const plain = { ...running, health: "none" as const, ports: { metrics: 9100, https: 443 } };
    const states = [job({ allocations: [plain] })];
    const session = await watchSession({ argv: ["run", "-"], states, script: submitted });
    assert.equal(
      session.stdout,
      `==> job shop version 1 (admitted)
    web[0]  allocation aaaaaaaa placed on sparrow
    web[0]  allocation aaaaaaaa running  metrics at 127.0.0.1:9100  https at https://127.0.0.1:443
==> job shop version 1: 1 of 1 running
`,
    );
    assert.deepEqual([session.code, session.tookMs >= 5_000, session.tookMs < 6_000], [0, true, true]);
  });

  test("does not trust a node whose clock is ahead with those 5 seconds, nor make it longer", async () => {
    for (const startedAt of [ago(-3600), "never"]) {
      const plain = { ...running, health: "none" as const, tasks: { app: task({ started_at: startedAt }) } };
      const { tookMs } = await watchSession({
        argv: ["run", "-"],
        states: [job({ allocations: [plain] })],
        script: submitted,
      });
      assert.ok(tookMs >= 5_000 && tookMs < 6_000, String(tookMs));
    }
  });

  test("that runs for long already is well at once", async () => {
    const old = { ...running, health: "none" as const, tasks: { app: task({ started_at: ago(60) }) } };
    const { tookMs, code } = await watchSession({
      argv: ["run", "-"],
      states: [job({ allocations: [old] })],
      script: submitted,
    });
    assert.deepEqual([tookMs, code], [0, 0]);
  });

  test("tells the restarts of a crash loop and why, and what it wrote last when it has failed", async () => {
    const crash = (
      restarts: number,
      state: "restarting" | "running" | "failed",
      message: string | null,
      index: number,
    ) => ({
      ...running,
      health: "none" as const,
      ports: {},
      modify_index: index,
      status: ({ restarting: "starting", running: "running", failed: "failed" } as const)[state],
      message: message === null ? null : `app: ${message}`,
      tasks: { app: task({ state, restarts, message, started_at: ago(0) }) },
    });
    const waiting = evaluation({ status: "waiting", delay_ms: 30_000, create_index: 20 });
    const states = [
      job({ allocations: [crash(0, "running", null, 13)] }),
      job({ allocations: [crash(0, "restarting", "exited with code 3; restarts in 1.1 s", 14)] }),
      job({ allocations: [crash(1, "running", null, 15)] }),
      job({ allocations: [crash(1, "restarting", "exited with code 3; restarts in 2.3 s", 16)] }),
      job({
        allocations: [crash(2, "failed", "exited with code 3; 1 restarts within 60 s used up", 17)],
        evaluations: [waiting],
      }),
    ];
    const script = {
      ...submitted,
      [`GET /v1/allocations/${id("a")}/logs`]: { chunks: ["one\ntwo\n\u001b[31mno db\u001b[0m\n"] },
    };
    const session = await watchSession({ argv: ["run", "-"], states, script });
    assert.equal(
      session.stdout,
      `==> job shop version 1 (admitted)
    web[0]  allocation aaaaaaaa placed on sparrow
    web[0]  allocation aaaaaaaa running
    web[0]  allocation aaaaaaaa restarting: app: exited with code 3; restarts in 1.1 s
    web[0]  allocation aaaaaaaa running after 1 restart
    web[0]  allocation aaaaaaaa restarting: app: exited with code 3; restarts in 2.3 s
    web[0]  allocation aaaaaaaa failed: app: exited with code 3; 1 restarts within 60 s used up
==> allocation aaaaaaaa of web[0] failed
    a new allocation takes its place in 30s; \`peer job stop shop\` ends that
    the end of its errors (\`peer logs --stderr aaaaaaaa app\`):
      | one
      | two
      |  [31mno db [0m
`,
    );
    assert.equal(session.code, 1);
  });

  test("that can't be placed says why and what would help, with exit code 2", async () => {
    const blocked = evaluation({
      status: "blocked",
      refusals: [
        {
          group: "web",
          unplaced: 2,
          nodes_evaluated: 3,
          excluded: { memory: 2, "driver docker missing": 1 },
          advice: "needs 10 MiB",
        },
        { group: "db", unplaced: 1, nodes_evaluated: 0, excluded: {} },
      ],
    });
    const states = [
      job({ allocations: [healthy], groups: { web: group(3, [healthy]) }, evaluations: [blocked] }),
    ];
    const session = await watchSession({ argv: ["run", "-"], states, script: submitted });
    assert.equal(
      session.stdout,
      `==> job shop version 1 (admitted)
    web[0]  allocation aaaaaaaa placed on sparrow
    web[0]  allocation aaaaaaaa running  http at http://127.0.0.1:20711
    web[0]  allocation aaaaaaaa healthy
==> job shop version 1 is accepted, but not all of it could be placed
    group web: 2 without a place: memory (2 of 3 nodes), driver docker missing (1 of 3 nodes)
      needs 10 MiB
    group db: 1 without a place: there is no node
    it is placed once there is room: \`peer job status shop\`
`,
    );
    assert.equal(session.code, 2);
  });

  test("that never gets healthy is given up on after 10 minutes without news", async () => {
    const states = [job({ allocations: [{ ...running, health: "unhealthy" }] })];
    const session = await watchSession({ argv: ["run", "-"], states, script: submitted });
    assert.match(
      session.stdout,
      /allocation aaaaaaaa unhealthy\n==> job shop version 1: 0 of 1 running and healthy, /,
    );
    assert.match(
      session.stdout,
      /and nothing changed for 10m0s\n {4}it goes on; `peer job status shop` shows how it does\n$/,
    );
    assert.deepEqual([session.code, session.tookMs >= STUCK_MS], [1, true]);
  });

  test("that the scheduler gave up on has failed", async () => {
    const states = [job({ status: "pending", evaluations: [evaluation({ status: "failed" })] })];
    const session = await watchSession({ argv: ["run", "-"], states, script: submitted });
    assert.match(session.stdout, /==> job shop version 1 could not be planned\n/);
    assert.equal(session.code, 1);
  });

  test("that is not admitted yet is waited for", async () => {
    const script = { "POST /v1/jobs": ok(receipt({ version: 2, safety: "durable", index: 12 })) };
    const states = [
      job({ allocations: [healthy] }),
      job({ version: 2, allocations: [{ ...healthy, version: 2 }] }),
    ];
    const session = await watchSession({ argv: ["run", "-"], states, script });
    assert.match(session.stdout, /^==> job shop version 2 \(durable\)\n/);
    assert.match(session.stdout, /==> job shop version 2: 1 of 1 running and healthy\n$/);
  });

  test("whose count is 0 has nothing to run", async () => {
    const states = [job({ status: "dead", groups: { web: group(0, []) } })];
    const session = await watchSession({ argv: ["run", "-"], states, script: submitted });
    assert.match(session.stdout, /==> job shop version 1: nothing to run, its groups have a count of 0\n$/);
    assert.equal(session.code, 0);
  });
});

describe("a rollout", () => {
  const script = { "POST /v1/jobs": ok(receipt({ version: 2, index: 20 })) };
  const old = allocation("0", { index: 1, create_index: 5, modify_index: 8 });
  const fresh = allocation("b", { version: 2, previous: id("a"), create_index: 24, modify_index: 26 });

  test("is watched until the last instance runs the new version", async () => {
    const rows = [old, fresh];
    const groups = { web: group(2, rows) };
    const last = allocation("c", {
      index: 1,
      version: 2,
      previous: id("0"),
      create_index: 28,
      modify_index: 30,
    });
    const states = [
      job({ version: 2, groups, allocations: rows, rollout: { state: "running", updated: 1, wanted: 2 } }),
      job({ version: 2, groups, allocations: [fresh, last] }),
    ];
    const session = await watchSession({ argv: ["run", "-"], states, script });
    assert.equal(
      session.stdout,
      `==> job shop version 2 (admitted)
    web[0]  allocation bbbbbbbb placed on sparrow, replaces aaaaaaaa
    web[0]  allocation bbbbbbbb running  http at http://127.0.0.1:20711
    web[0]  allocation bbbbbbbb healthy
    web[1]  allocation cccccccc placed on sparrow, replaces 00000000
    web[1]  allocation cccccccc running  http at http://127.0.0.1:20711
    web[1]  allocation cccccccc healthy
==> job shop version 2: 2 of 2 running and healthy
`,
    );
    assert.equal(session.code, 0);
  });

  test("that pauses at a bad instance has failed, and says what keeps running", async () => {
    const rows = [old, { ...fresh, health: "unhealthy" as const }];
    const states = [
      job({
        version: 2,
        groups: { web: group(2, rows) },
        allocations: rows,
        rollout: { state: "paused", updated: 1, wanted: 2, reason: "allocation b of web[0] is not good" },
      }),
    ];
    const session = await watchSession({ argv: ["run", "-"], states, script });
    assert.match(session.stdout, /version 2 pauses: allocation b of web\[0\] is not good\n/);
    assert.match(session.stdout, /\n {4}1 of 2 run on as before; nothing more is replaced until/);
    assert.match(session.stdout, /\n {4}`peer job run FILE` with a mended file, or with the same one/);
    assert.match(session.stdout, /\n {4}`peer job revert shop VERSION` to go back/);
    assert.equal(session.code, 1);
  });
});

describe("a job of every node", () => {
  test("runs once all nodes that were asked do", async () => {
    const rows = [allocation("a", { index: 7 }), allocation("b", { index: 9, node_name: "wren" })];
    const states = [job({ type: "system", groups: { web: group(2, rows) }, allocations: rows })];
    const session = await watchSession({ argv: ["run", "-", "-q"], states, script: submitted });
    assert.deepEqual([session.code, session.stdout], [0, "shop\n"]);
    const ended = rows.map((row) => ({ ...row, status: "complete" as const }));
    const once = [job({ type: "sysbatch", groups: { web: group(2, ended) }, allocations: ended })];
    const batch = await watchSession({ argv: ["run", "-"], states: once, script: submitted });
    assert.match(batch.stdout, /==> job shop version 1: 2 of 2 complete\n$/);
  });

  test("has nothing to run where no node is asked", async () => {
    const states = [job({ type: "system", groups: { web: group(0, []) } })];
    const session = await watchSession({ argv: ["run", "-"], states, script: submitted });
    assert.match(session.stdout, /: nothing to run, no node is asked to run it\n$/);
  });
});

describe("submitting again", () => {
  const settled = { ...healthy, create_index: 5, modify_index: 8 };

  test("the same changes nothing, and nothing is told of what was there", async () => {
    const script = { "POST /v1/jobs": ok(receipt({ changed: false, index: 4 })) };
    const session = await watchSession({
      argv: ["run", "-"],
      states: [job({ allocations: [settled] })],
      script,
    });
    assert.equal(
      session.stdout,
      `==> job shop version 1 (unchanged)
==> job shop version 1: 1 of 1 running and healthy
`,
    );
  });

  test("the same, of a job that had failed, says that it did and why", async () => {
    const dead = { ...settled, status: "failed" as const, message: "app: exited with code 1", next: id("a") };
    const script = { "POST /v1/jobs": ok(receipt({ changed: false, index: 4 })) };
    const session = await watchSession({
      argv: ["run", "-"],
      states: [job({ allocations: [dead] })],
      script,
    });
    assert.equal(
      session.stdout,
      `==> job shop version 1 (unchanged)
==> allocation aaaaaaaa of web[0] failed
    app: exited with code 1
    it is not tried again: the group's reschedule policy is used up
`,
    );
    assert.equal(session.code, 1);
  });

  test("a new version tells what it stops and what it starts, and nothing of what ended before", async () => {
    const script = { "POST /v1/jobs": ok(receipt({ version: 2, index: 20 })) };
    const ended = {
      ...settled,
      id: id("0"),
      status: "failed" as const,
      create_index: 3,
      modify_index: 4,
      next: id("a"),
      message: "old news",
    };
    const stopping = {
      ...settled,
      desired: "stop" as const,
      desired_reason: "replaced by version 2",
      modify_index: 21,
    };
    const stopped = { ...stopping, status: "complete" as const, modify_index: 23 };
    const fresh = {
      ...placed,
      id: id("b"),
      version: 2,
      previous: id("a"),
      create_index: 24,
      modify_index: 24,
    };
    const version = { version: 2, modify_index: 20 };
    const states = [
      job({ ...version, allocations: [ended, stopping] }),
      job({ ...version, allocations: [ended, stopped, fresh] }),
      job({
        ...version,
        allocations: [ended, stopped, { ...healthy, id: id("b"), version: 2, modify_index: 26 }],
      }),
    ];
    const session = await watchSession({ argv: ["run", "-"], states, script });
    assert.equal(
      session.stdout,
      `==> job shop version 2 (admitted)
    web[0]  allocation aaaaaaaa stopping: replaced by version 2
    web[0]  allocation aaaaaaaa stopped
    web[0]  allocation bbbbbbbb placed on sparrow, replaces aaaaaaaa
    web[0]  allocation bbbbbbbb running  http at http://127.0.0.1:20711
    web[0]  allocation bbbbbbbb healthy
==> job shop version 2: 1 of 1 running and healthy
`,
    );
    assert.equal(session.code, 0);
  });

  test("scaling up tells only the new ones", async () => {
    const script = { "POST /v1/jobs": ok(receipt({ version: 2, index: 20 })) };
    const second = { ...healthy, id: id("b"), index: 1, version: 2, create_index: 21, modify_index: 24 };
    const rows = [settled, second];
    const session = await watchSession({
      argv: ["run", "-"],
      states: [job({ version: 2, groups: { web: group(2, rows) }, allocations: rows })],
      script,
    });
    assert.equal(
      session.stdout,
      `==> job shop version 2 (admitted)
    web[1]  allocation bbbbbbbb placed on sparrow
    web[1]  allocation bbbbbbbb running  http at http://127.0.0.1:20711
    web[1]  allocation bbbbbbbb healthy
==> job shop version 2: 2 of 2 running and healthy
`,
    );
  });

  test("scaling down waits until those that leave have ended", async () => {
    const script = { "POST /v1/jobs": ok(receipt({ version: 2, index: 20 })) };
    const leaving = {
      ...settled,
      id: id("b"),
      index: 1,
      desired: "stop" as const,
      desired_reason: "scaled down to 1",
      modify_index: 21,
    };
    const gone = { ...leaving, status: "complete" as const, modify_index: 23 };
    const states = [leaving, gone].map((row) =>
      job({ version: 2, groups: { web: group(1, [settled]) }, allocations: [settled, row] }),
    );
    const session = await watchSession({ argv: ["run", "-"], states, script });
    assert.equal(
      session.stdout,
      `==> job shop version 2 (admitted)
    web[1]  allocation bbbbbbbb stopping: scaled down to 1
    web[1]  allocation bbbbbbbb stopped
==> job shop version 2: 1 of 1 running and healthy
`,
    );
  });

  test("somebody else's version or stop ends the watching as failed", async () => {
    const newer = await watchSession({
      argv: ["run", "-"],
      states: [job({ version: 2, allocations: [healthy] })],
      script: submitted,
    });
    assert.match(newer.stdout, /==> job shop became version 2 while version 1 was watched\n$/);
    assert.equal(newer.code, 1);
    const stopped = await watchSession({
      argv: ["run", "-"],
      states: [job({ version: 2, stopped: true, status: "dead" })],
      script: submitted,
    });
    assert.match(stopped.stdout, /==> job shop was stopped while version 1 was watched\n$/);
  });

  test("a failure of an earlier version is no failure of this one", async () => {
    const script = { "POST /v1/jobs": ok(receipt({ version: 2, index: 20 })) };
    const dead = { ...settled, status: "failed" as const, message: "app: exited with code 1" };
    const good = {
      ...healthy,
      id: id("b"),
      version: 2,
      previous: id("a"),
      create_index: 21,
      modify_index: 24,
    };
    const states = [
      job({ version: 2, allocations: [dead], evaluations: [pending] }),
      job({ version: 2, allocations: [{ ...dead, next: id("b"), modify_index: 21 }, good] }),
    ];
    const session = await watchSession({ argv: ["run", "-"], states, script });
    assert.match(session.stdout, /==> job shop version 2: 1 of 1 running and healthy\n$/);
    assert.equal(session.code, 0);
  });
});
