/** What all watching has in common: batch jobs, large ones, Ctrl-C, JSON, a peer that restarts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NAMED_MAX } from "../../../../node/cli/watch/narration.ts";
import { ok, refused } from "../support/fake-api.ts";
import { ago, allocation, evaluation, group, id, job, NOW_MS, receipt, task } from "../support/rows.ts";
import { watchSession } from "../support/session.ts";

const submitted = { "POST /v1/jobs": ok(receipt()) };
const instance = (letter: string, index: number, fields: Parameters<typeof allocation>[1] = {}) =>
  allocation(letter, { group: "count", index, ports: {}, health: "none", ...fields });

describe("watching a batch job", () => {
  const batch = (...rows: ReturnType<typeof instance>[]) =>
    job({ type: "batch", groups: { count: group(2, rows) }, allocations: rows });

  test("ends when all of it is complete, however long that takes", async () => {
    const complete = { status: "complete" as const, modify_index: 30 };
    const states = [
      batch(instance("a", 0), instance("b", 1)),
      batch(instance("a", 0), instance("b", 1, complete)),
      ...Array.from({ length: 40 }, () => batch(instance("a", 0), instance("b", 1, complete))),
      batch(instance("a", 0, { ...complete, modify_index: 40 }), instance("b", 1, complete)),
    ];
    const session = await watchSession({ argv: ["run", "-"], states, script: submitted });
    assert.equal(
      session.stdout,
      `==> job shop version 1 (admitted)
    count[0]  allocation aaaaaaaa placed on sparrow
    count[0]  allocation aaaaaaaa running
    count[1]  allocation bbbbbbbb placed on sparrow
    count[1]  allocation bbbbbbbb running
    count[1]  allocation bbbbbbbb complete
    count[0]  allocation aaaaaaaa complete
==> job shop version 1: 2 of 2 complete
`,
    );
    assert.equal(session.code, 0);
  });

  test("is not stuck while it works: hours without news are no failure", async () => {
    const working = batch(instance("a", 0), instance("b", 1));
    const session = await watchSession({
      argv: ["run", "-"],
      states: [],
      script: (clock) => ({
        ...submitted,
        "GET /v1/jobs/shop": () => {
          clock.advance(3_600_000);
          const isOver = clock.nowMs() - NOW_MS > 10 * 3_600_000;
          return ok(isOver ? batch(done("a", 0), done("b", 1)) : working, { "x-peer-index": "c" });
        },
      }),
    });
    assert.match(session.stdout, /==> job shop version 1: 2 of 2 complete\n$/);
    assert.equal(session.code, 0);
  });

  test("fails with the first instance that fails for good", async () => {
    const failed = instance("b", 1, {
      status: "failed",
      message: "app: exited with code 1; restart.attempts is 0",
      next: id("b"),
      modify_index: 30,
      tasks: { app: task({ state: "failed" }) },
    });
    const script = { ...submitted, [`GET /v1/allocations/${id("b")}/logs`]: { chunks: [] } };
    const session = await watchSession({
      argv: ["run", "-"],
      states: [batch(instance("a", 0), failed)],
      script,
    });
    assert.match(session.stdout, /==> allocation bbbbbbbb of count\[1\] failed\n {4}it is not tried again: /);
    assert.match(
      session.stdout,
      /\n {4}`peer logs bbbbbbbb app` shows what it wrote, with --stderr its errors\n$/,
    );
    assert.equal(session.code, 1);
  });

  test("unchanged and complete is complete", async () => {
    const script = { "POST /v1/jobs": ok(receipt({ changed: false })) };
    const session = await watchSession({
      argv: ["run", "-"],
      states: [batch(done("a", 0), done("b", 1))],
      script,
    });
    assert.equal(
      session.stdout,
      "==> job shop version 1 (unchanged)\n==> job shop version 1: 2 of 2 complete\n",
    );
  });

  function done(letter: string, index: number) {
    return instance(letter, index, { status: "complete" });
  }
});

describe("a large job", () => {
  const rows = (running: number, count: number) =>
    Array.from({ length: count }, (_, index) =>
      instance("a", index, {
        id: `${String(index).padStart(8, "0")}-0000-4000-8000-000000000000`,
        status: index < running ? "running" : "pending",
        modify_index: 20 + running,
        tasks: index < running ? { app: task({ started_at: ago(60) }) } : {},
      }),
    );

  test("is counted, and only what fails is named", async () => {
    const of = (running: number) =>
      job({ groups: { count: group(50, rows(running, 50)) }, allocations: rows(running, 50) });
    const broken = rows(40, 50).map((row) =>
      row.index === 7 ? { ...row, status: "failed" as const, message: "app: no", modify_index: 99 } : row,
    );
    const failing = job({ groups: { count: group(50, broken) }, allocations: broken });
    const states = [of(0), of(20), of(20), of(40), failing];
    const session = await watchSession({ argv: ["run", "-"], states, script: submitted });
    assert.equal(
      session.stdout,
      `==> job shop version 1 (admitted)
    count  0 of 50 running, 50 starting
    count  20 of 50 running, 30 starting
    count  40 of 50 running, 10 starting
    count[7]   allocation 00000007 failed: app: no
    count  39 of 50 running, 10 starting, 1 failed
==> allocation 00000007 of count[7] failed
    a new allocation takes its place; \`peer job stop shop\` ends that
`,
    );
    assert.ok(NAMED_MAX < 50);
  });

  test("of which the API gives a part only is judged by its counts", async () => {
    const part = rows(1000, 1000);
    const all = { ...group(1500, part), running: 1500, healthy: 1500 };
    const session = await watchSession({
      argv: ["run", "-"],
      states: [
        job({ groups: { count: { ...all, healthy: 1499, running: 1499 } }, allocations: part }),
        job({ groups: { count: all }, allocations: part }),
      ],
      script: submitted,
    });
    assert.match(session.stdout, /==> job shop version 1: 1500 of 1500 running\n$/);
  });
});

describe("Ctrl-C", () => {
  test("ends the watching, as with Docker, and says that the job goes on", async () => {
    const states = [job({ allocations: [allocation("a", { health: "unknown" })] })];
    const session = await watchSession({
      argv: ["run", "-"],
      states,
      script: submitted,
      options: { interruptAt: "running" },
    });
    assert.match(
      session.stdout,
      /==> no longer watching; job shop goes on\n {4}`peer job status shop` shows/,
    );
    assert.equal(session.code, 0);
  });
});

describe("--json, -q and -d", () => {
  const states = [job({ allocations: [allocation("a")] })];

  test("--json prints one value, with what came of it", async () => {
    const session = await watchSession({ argv: ["run", "-", "--json"], states, script: submitted });
    assert.deepEqual(JSON.parse(session.stdout), {
      ...receipt(),
      outcome: {
        state: "running",
        exit_code: 0,
        message: "job shop version 1: 1 of 1 running and healthy",
        details: [],
        allocation_id: null,
        reason: null,
      },
    });
    assert.equal(session.stderr, "");
  });

  test("--json of what can't be placed is one value too, with the exit code", async () => {
    const refusals = [{ group: "web", unplaced: 1, nodes_evaluated: 1, excluded: { cpu: 1 } }];
    const blocked = [job({ evaluations: [evaluation({ status: "blocked", refusals })] })];
    const session = await watchSession({ argv: ["run", "-", "--json"], states: blocked, script: submitted });
    const { outcome } = JSON.parse(session.stdout) as { outcome: { state: string; details: string[] } };
    assert.equal(outcome.state, "blocked");
    assert.equal(outcome.details[0], "group web: 1 without a place: cpu (1 of 1 nodes)");
    assert.equal(session.code, 2);
  });

  test("-q prints the id and waits in silence; -d does not wait", async () => {
    const quiet = await watchSession({ argv: ["run", "-q", "-"], states, script: submitted });
    assert.deepEqual([quiet.stdout, quiet.code], ["shop\n", 0]);
    const detached = await watchSession({ argv: ["run", "-d", "-"], states: [], script: submitted });
    assert.deepEqual([detached.stdout, detached.code], ["==> job shop version 1 (admitted)\n", 0]);
    const both = await watchSession({ argv: ["run", "-d", "--json", "-"], states: [], script: submitted });
    assert.deepEqual(JSON.parse(both.stdout), { ...receipt(), outcome: null });
  });
});

describe("on a terminal", () => {
  const states = [
    job({ allocations: [allocation("a", { health: "unknown" })] }),
    job({ allocations: [allocation("a")] }),
  ];

  test("a line says what is waited for, until there is news, and words have colours", async () => {
    const session = await watchSession({
      argv: ["run", "-"],
      states,
      script: submitted,
      options: { columns: 60 },
    });
    assert.ok(
      session.stdout.includes(
        "\r\u001b[K\u001b[2m    0 of 1 running and healthy …\u001b[0m\r\u001b[K    web[0]",
      ),
    );
    assert.ok(session.stdout.includes("allocation aaaaaaaa \u001b[32mrunning\u001b[0m  http at"));
  });

  test("nothing is redrawn or coloured where that is not wanted", async () => {
    const plain = await watchSession({ argv: ["run", "-"], states, script: submitted });
    for (const [argv, env] of [
      [["run", "-"], { NO_COLOR: "1" }],
      [["run", "-"], { TERM: "dumb" }],
      [["run", "-", "--no-color"], {}],
    ] as const) {
      const session = await watchSession({ argv, states, script: submitted, options: { columns: 60, env } });
      assert.equal(session.stdout, plain.stdout);
    }
  });
});

test("a peer that restarts meanwhile is waited for", async () => {
  let reads = 0;
  const done = ok(job({ allocations: [allocation("a")] }), { "x-peer-index": "c1" });
  const script = {
    ...submitted,
    "GET /v1/jobs/shop": () => {
      reads += 1;
      if (reads === 1) return { end: "cut" as const };
      return reads === 2 ? refused(503, "stopping", "this peer is stopping") : done;
    },
  };
  const session = await watchSession({ argv: ["run", "-"], states: [], script });
  assert.match(session.stderr, /^the peer at PEER broke off; trying again\n$/);
  assert.match(session.stdout, /1 of 1 running and healthy\n$/);
});
