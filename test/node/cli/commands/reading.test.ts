/** What each command prints, for people (whole screens from fixed rows) and for programs. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ok, page, refused, type Script } from "../support/fake-api.ts";
import {
  ago,
  allocation,
  evaluation,
  group,
  id,
  job,
  MIB,
  node,
  service,
  status,
  task,
} from "../support/rows.ts";
import { type RunOptions, runWith } from "../support/terminal.ts";

/** A screen: what the command printed, with exit code 0 and nothing beside it. */
async function screen(script: Script, argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runWith(script, argv, options);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

async function value(script: Script, argv: readonly string[]): Promise<unknown> {
  return JSON.parse(await screen(script, [...argv, "--json"]));
}

const web = allocation("a");
const loop = allocation("b", {
  job: "a-long-job-name",
  index: 1,
  status: "starting",
  health: "none",
  ports: {},
  message: "app: exited with code 3; restarts in 2.3 s",
  tasks: {
    app: task({
      state: "restarting",
      restarts: 2,
      exit_code: 3,
      pid: null,
      message: "exited with code 3; restarts in 2.3 s",
    }),
  },
});
const gone = allocation("c", {
  status: "complete",
  desired: "stop",
  desired_reason: "job stopped",
  health: "unknown",
});
const sick = allocation("d", {
  health: "unhealthy",
  address: "::1",
  ports: { a: 80, b: 81 },
  tasks: { app: task({ restarts: 1 }) },
});

describe("peer ps", () => {
  const script = { "GET /v1/allocations": page(web, loop, gone, sick) };

  test("shows allocations", async () => {
    assert.equal(
      await screen(script, ["ps"]),
      `ID        JOB              GROUP   NODE     STATUS      HEALTH                ADDRESS             AGE
aaaaaaaa  shop             web[0]  sparrow  running     healthy               127.0.0.1:20711     3m12s
bbbbbbbb  a-long-job-name  web[1]  sparrow  restarting  2 restarts            -                   3m12s
cccccccc  shop             web[0]  sparrow  stopped     -                     127.0.0.1:20711     3m12s
dddddddd  shop             web[0]  sparrow  running     unhealthy, 1 restart  [::1]:80, [::1]:81  3m12s
`,
    );
  });

  test("fits in the terminal", async () => {
    assert.equal(
      await screen({ "GET /v1/allocations": page(web, loop) }, ["ps"], {
        columns: 80,
        env: { NO_COLOR: "1" },
      }),
      `ID        JOB     GROUP   NODE    STATUS      HEALTH      ADDRESS          AGE
aaaaaaaa  shop    web[0]  sparr…  running     healthy     127.0.0.1:20711  3m12s
bbbbbbbb  a-lon…  web[1]  sparr…  restarting  2 restarts  -                3m12s
`,
    );
  });

  test("prints rows as they are, and ids alone", async () => {
    assert.deepEqual(await value(script, ["alloc", "ls"]), [web, loop, gone, sick]);
    assert.equal(
      await screen(script, ["ps", "-q"]),
      `${[web, loop, gone, sick].map((row) => row.id).join("\n")}\n`,
    );
  });

  test("asks for one job, for those that ended, for a namespace, by a filter", async () => {
    const { requests } = await runWith({ "GET /v1/allocations": page() }, [
      ...["ps", "-a", "shop", "--namespace", "n", "--filter", 'status == "failed"'],
    ]);
    const query = Object.fromEntries(requests[0]?.query ?? []);
    assert.deepEqual(query, { job: "shop", namespace: "n", all: "true", filter: 'status == "failed"' });
  });

  test("says what to do where there is nothing, and prints nothing", async () => {
    const empty = { "GET /v1/allocations": page() };
    const nothing = await runWith(empty, ["ps"]);
    assert.equal(nothing.stdout, "");
    assert.equal(nothing.stderr, "no live allocations; `peer ps -a` lists those that ended, too\n");
    assert.equal((await runWith(empty, ["ps", "-a", "shop"])).stderr, "no allocations of job shop\n");
    assert.equal(await screen(empty, ["ps", "-q"]), "");
    assert.deepEqual(await value(empty, ["ps"]), []);
  });

  test("prints a long list page by page, and one JSON array of it", async () => {
    const pages: Script = {
      "GET /v1/allocations": ({ query }) => {
        const at = Number(query.get("next") ?? 0);
        const items = Array.from({ length: 1000 }, (_, index) => ({
          ...web,
          id: `${String(1000 * at + index).padStart(8, "0")}-x`,
        }));
        return ok({ items, next: at === 19 ? null : String(at + 1) });
      },
    };
    const { stdout, requests } = await runWith(pages, ["ps"]);
    assert.equal(requests.length, 20);
    assert.equal(stdout.split("\n").length, 1 + 20_000 + 1);
    assert.equal(((await value(pages, ["ps"])) as unknown[]).length, 20_000);
  });

  test("whose list breaks off says so beside the part that came", async () => {
    const broken = {
      "GET /v1/allocations": [ok({ items: [web], next: "p2" }), refused(500, "internal", "internal error 7")],
    };
    const { code, stdout, stderr } = await runWith(broken, ["ps", "--json"]);
    assert.equal(code, 1);
    assert.ok(stdout.startsWith("[\n  {"));
    assert.equal(stderr, "error: internal error 7\n");
  });
});

describe("peer jobs", () => {
  const service_ = job({ allocations: [web, loop], groups: { web: group(3, [web, loop]) } });
  const batch = job({
    id: "numbers",
    type: "batch",
    status: "dead",
    version: 12,
    submitted_at: ago(90_000),
    groups: { count: { ...group(2, []), complete: 2 } },
  });
  const stopped = job({ id: "old", stopped: true, status: "dead", groups: { web: group(0, []) } });
  const stopping = job({ id: "older", stopped: true, status: "running", groups: { web: group(0, [web]) } });
  const script = { "GET /v1/jobs": page(service_, batch, stopped, stopping) };

  test("shows jobs", async () => {
    assert.equal(
      await screen(script, ["jobs"]),
      `JOB      TYPE     STATUS    RUNNING          VERSION  AGE
shop     service  running   1/3              1        3m12s
numbers  batch    dead      0/2, 2 complete  12       1d1h
old      service  stopped   0/0              1        3m12s
older    service  stopping  1/0              1        3m12s
`,
    );
    assert.equal(await screen(script, ["job", "ls", "-q"]), "shop\nnumbers\nold\nolder\n");
    assert.equal(((await value(script, ["job", "ls"])) as unknown[]).length, 4);
    assert.match(
      (await runWith({ "GET /v1/jobs": page() }, ["jobs"])).stderr,
      /^no jobs; `peer job run FILE` submits one\n$/,
    );
  });
});

describe("peer job status", () => {
  const failed = allocation("f", {
    status: "failed",
    health: "none",
    ports: {},
    message: "app: exited with code 1",
  });
  const old = Array.from({ length: 6 }, (_, index) =>
    allocation(String(index), { status: "complete", desired: "stop" }),
  );

  test("shows a job, why it waits, its allocations and what ails them", async () => {
    const refusals = [
      { group: "web", unplaced: 1, nodes_evaluated: 2, excluded: { cpu: 2 }, advice: "needs 100 more" },
    ];
    const rows = [...old, failed, web];
    const detail = job({
      groups: { web: group(2, rows) },
      allocations: rows,
      evaluations: [evaluation({ status: "blocked", refusals })],
    });
    assert.equal(
      await screen({ "GET /v1/jobs/shop": ok(detail) }, ["job", "status", "shop"]),
      `Job        shop
Namespace  default
Type       service
Status     running
Version    1 (01234567)
Submitted  3m12s ago by operator
Index      10 (for --check-index)

GROUP  DESIRED  STARTING  RUNNING  HEALTHY  COMPLETE  FAILED
web    2        0         1        1        6         1

Not all of it has a place:
    group web: 1 without a place: cpu (2 of 2 nodes)
      needs 100 more

ID        GROUP   NODE     STATUS   HEALTH   ADDRESS          AGE
22222222  web[0]  sparrow  stopped  -        127.0.0.1:20711  3m12s
33333333  web[0]  sparrow  stopped  -        127.0.0.1:20711  3m12s
44444444  web[0]  sparrow  stopped  -        127.0.0.1:20711  3m12s
55555555  web[0]  sparrow  stopped  -        127.0.0.1:20711  3m12s
ffffffff  web[0]  sparrow  failed   -        -                3m12s
aaaaaaaa  web[0]  sparrow  running  healthy  127.0.0.1:20711  3m12s
  ffffffff: app: exited with code 1
  2 more ended before; \`peer ps -a shop\` lists them
`,
    );
  });

  test("finds it by the start of its name, if that is one's only", async () => {
    const script = { "GET /v1/jobs": page(job()), "GET /v1/jobs/shop": ok(job({ allocations: [web] })) };
    assert.equal(await screen(script, ["job", "status", "sh", "-q"]), `${web.id}\n`);
    const several = { "GET /v1/jobs": page(job(), job({ id: "shop-2" })) };
    const { code, stderr } = await runWith(several, ["job", "status", "sh"]);
    assert.equal(code, 1);
    assert.equal(stderr, "error: several jobs begin with sh\n  shop\n  shop-2\n  next: name one of them\n");
    const none = await runWith({ "GET /v1/jobs": page() }, ["job", "status", "sh"]);
    assert.equal(none.stderr, "error: no job is named sh\n  next: `peer job ls` lists the jobs\n");
  });

  test("shows how far a change has come", async () => {
    const rolling = job({ rollout: { state: "paused", updated: 1, wanted: 3 } });
    const output = await screen({ "GET /v1/jobs/shop": ok(rolling) }, ["job", "status", "shop"]);
    assert.match(output, /\nRollout {4}paused, 1 of 3 run it\n/);
  });

  test("prints the row as it is", async () => {
    assert.deepEqual(await value({ "GET /v1/jobs/shop": ok(job()) }, ["job", "status", "shop"]), job());
  });
});

describe("peer alloc status", () => {
  const usage = {
    ...{ cpu: 120.4, cpu_seconds: 9, memory_bytes: 31.5 * MIB, process_count: 2 },
    tasks: { app: { cpu: 120.4, cpu_seconds: 9, memory_bytes: 31.5 * MIB, process_count: 2 } },
  };
  const script = {
    "GET /v1/allocations/aaaa": ok(web),
    [`GET /v1/allocations/${web.id}/usage`]: ok(usage),
  };

  test("shows the roles of tasks, where there are any but main ones", async () => {
    const tasks = {
      init: task({ hook: "prestart", state: "complete", pid: null, exit_code: 0 }),
      logs: task({ hook: "prestart", sidecar: true }),
      app: task({ leader: true }),
      end: task({ hook: "poststop", state: "pending", pid: null, started_at: null }),
    };
    const row = { ...web, tasks };
    const shown = await screen(
      { "GET /v1/allocations/aaaa": ok(row), [`GET /v1/allocations/${web.id}/usage`]: ok(usage) },
      ["alloc", "status", "aaaa"],
    );
    const roles = shown
      .split("\n")
      .flatMap((line) => /^(\S+) +(\S.*?) {2,}/.exec(line)?.slice(1, 3).join(": ") ?? []);
    assert.deepEqual(roles.slice(-5), [
      ...["TASK: ROLE", "init: prestart", "logs: prestart sidecar", "app: main, leader", "end: poststop"],
    ]);
  });

  test("shows an allocation and what it uses", async () => {
    assert.equal(
      await screen(script, ["alloc", "status", "aaaa"]),
      `ID        aaaaaaaa-0000-4000-8000-000000000000
Job       shop version 1
Group     web[0]
Node      sparrow (11111111)
Status    running
Health    healthy
Address   127.0.0.1:20711
Uses      0.12 cores, 31.5MiB
Reserved  0.1 cores, 64MiB
Created   3m12s ago
Changed   1m0s ago

TASK  STATE    PID   RESTARTS  EXIT  CPU   MEMORY   STARTED  MESSAGE
app   running  4711  0         -     0.12  31.5MiB  1m0s
`,
    );
    assert.deepEqual(await value(script, ["alloc", "status", "aaaa"]), { ...web, usage });
    assert.equal(await screen(script, ["alloc", "status", "aaaa", "-q"]), `${web.id}\n`);
  });

  test("shows one that does not run, with what replaced it", async () => {
    const replaced = {
      ...loop,
      status: "failed" as const,
      next: id("c"),
      previous: id("a"),
      tasks: {
        app: task({
          state: "failed",
          signal: "SIGKILL",
          restarts: 2,
          pid: null,
          message: "killed by SIGKILL",
        }),
      },
    };
    assert.equal(
      await screen({ "GET /v1/allocations/bbbb": ok(replaced) }, ["alloc", "status", "bbbb"]),
      `ID           bbbbbbbb-0000-4000-8000-000000000000
Job          a-long-job-name version 1
Group        web[1]
Node         sparrow (11111111)
Status       failed: app: exited with code 3; restarts in 2.3 s
Health       no checks
Address      -
Uses         -
Reserved     0.1 cores, 64MiB
Created      3m12s ago
Changed      1m0s ago
Replaces     aaaaaaaa-0000-4000-8000-000000000000
Replaced by  cccccccc-0000-4000-8000-000000000000

TASK  STATE   PID  RESTARTS  EXIT     CPU  MEMORY  STARTED  MESSAGE
app   failed  -    2         SIGKILL  -    -       1m0s     killed by SIGKILL
`,
    );
  });

  test("takes the newest of a job, and says which", async () => {
    const rows = [gone, web, { ...sick, create_index: 12 }];
    const { stdout, stderr } = await runWith({ "GET /v1/jobs/shop": ok(job({ allocations: rows })) }, [
      "alloc",
      "status",
      "shop",
      "-q",
    ]);
    assert.deepEqual(
      [stdout, stderr],
      [`${sick.id}\n`, "allocation dddddddd, the newest of 2 of job shop\n"],
    );
  });

  test("has candidates for what begins several ids, and a way out where there is none", async () => {
    const details = [{ path: web.id, message: "job shop, web.0, running" }];
    const ambiguous = {
      "GET /v1/allocations/aaaa": refused(409, "ambiguous", 'several begin with "aaaa"', {
        details,
        hint: "type more of it",
      }),
    };
    const { code, stderr } = await runWith(ambiguous, ["alloc", "status", "aaaa"]);
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `error: several begin with "aaaa"\n  ${web.id}  job shop, web.0, running\n  next: type more of it\n`,
    );
    const none = await runWith({ "GET /v1/jobs": page() }, ["alloc", "status", "nope"]);
    assert.match(
      none.stderr,
      /^error: no allocation or job begins with nope\n {2}next: `peer ps -a` lists allocations/,
    );
    const empty = await runWith({ "GET /v1/jobs/shop": ok(job()) }, ["alloc", "status", "shop"]);
    assert.match(
      empty.stderr,
      /^error: job shop has no allocation\n {2}next: `peer job status shop` says why\n$/,
    );
  });
});

describe("nodes and services", () => {
  test("peer nodes", async () => {
    const script = {
      "GET /v1/nodes": page(node, { ...node, id: id("2"), name: "wren", voter: false, status: "down" }),
    };
    assert.equal(
      await screen(script, ["nodes"]),
      `ID        NAME     REGION  STATUS  VOTER  CPU    MEMORY       PLATFORM   VERSION
11111111  sparrow  local   ready   yes    1.5/2  1.5GiB/8GiB  linux-x64  0.1.0
22222222  wren     local   down    no     1.5/2  1.5GiB/8GiB  linux-x64  0.1.0
`,
    );
    assert.equal(await screen(script, ["node", "ls", "-q"]), `${id("1")}\n${id("2")}\n`);
    assert.deepEqual(((await value(script, ["node", "ls"])) as unknown[])[0], node);
  });

  test("peer node show", async () => {
    const script = { "GET /v1/status": ok(status), [`GET /v1/nodes/${node.id}`]: ok(node) };
    assert.equal(
      await screen(script, ["node", "show"]),
      `ID        11111111-0000-4000-8000-000000000000
Name      sparrow
Region    local
Pool      default
Place     dc1
Status    ready
Voter     yes
Address   127.0.0.1
Platform  linux-x64
Version   0.1.0
CPU       1.5 of 2 cores reserved
Memory    1.5GiB of 8GiB reserved
Disk      100GiB
Started   3d0h ago, for the 2nd time

DRIVER   STATE      REASON
process  healthy
docker   unhealthy  its daemon does not answer
wasm     absent

ATTRIBUTE   VALUE
attr.os     linux
label.tier  edge
meta.rack   a1
`,
    );
    assert.deepEqual(await value(script, ["node", "show"]), node);
    const full = { ...node, eligible: false, incarnation: 11, attributes: {}, labels: {}, meta: {} };
    const other = await screen({ "GET /v1/nodes/2222": ok(full) }, ["node", "show", "2222"]);
    assert.match(other, /Status {4}ready, gets nothing new\n/);
    assert.match(other, /for the 11th time\n/);
    assert.doesNotMatch(other, /ATTRIBUTE/);
  });

  test("peer services", async () => {
    const script = { "GET /v1/services": page(service) };
    assert.equal(
      await screen(script, ["services"]),
      `SERVICE  ADDRESS          HEALTH   JOB   ALLOC     TAGS
shop     127.0.0.1:20711  healthy  shop  aaaaaaaa  v1,eu
shop     127.0.0.1        -        shop  bbbbbbbb  v1,eu
`,
    );
    assert.equal(await screen(script, ["service", "ls", "-q"]), "shop\n");
    assert.deepEqual(await value(script, ["service", "ls"]), [service]);
  });
});

describe("peer status", () => {
  test("shows the peer", async () => {
    assert.equal(
      await screen({ "GET /v1/status": ok(status) }, ["status"]),
      `Node         sparrow (11111111)
Running      for 1h0m, pid 4242
Version      0.1.0
Region       local (99999999)
Authority    leader, term 3, index 120
API          http://127.0.0.1:7337
Data         /var/lib/peer
Overlay      off: not in this release
Nodes        1
Jobs         3 (1 running, 1 pending, 1 dead)
Allocations  1 starting, 2 running, 4 complete
CPU          0.1 of 2 cores reserved
Memory       64MiB of 8GiB reserved
`,
    );
    assert.deepEqual(await value({ "GET /v1/status": ok(status) }, ["status"]), status);
    assert.equal(await screen({ "GET /v1/status": ok(status) }, ["status", "-q"]), `${status.node_id}\n`);
  });

  test("shows whatever a name or the start of an id means", async () => {
    const none = { "GET /v1/jobs": page() };
    const cases: readonly (readonly [Script, RegExp])[] = [
      [{ "GET /v1/jobs/abcd": ok(job({ id: "abcd" })) }, /^Job +abcd\n/],
      [{ ...none, "GET /v1/allocations/abcd": ok(web) }, /^ID +aaaaaaaa-/],
      [{ ...none, "GET /v1/nodes/abcd": ok(node) }, /^ID +11111111-/],
      [
        { ...none, "GET /v1/evaluations/abcd": ok(evaluation()) },
        /^Evaluation +eeeeeeee-[\s\S]+\nBecause +job-admitted\nStatus +complete\n/,
      ],
    ];
    for (const [script, pattern] of cases) {
      assert.match(await screen(script, ["status", "abcd"]), pattern);
      assert.equal(typeof (await value(script, ["status", "abcd"])), "object");
      assert.notEqual(await screen(script, ["status", "-q", "abcd"]), undefined);
    }
    const { code, stderr } = await runWith(none, ["status", "abcd"]);
    assert.equal(code, 1);
    assert.match(stderr, /^error: nothing is named abcd or has an id that begins so\n {2}next: /);
  });
});
