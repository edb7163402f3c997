/** Whole sessions of `peer stop`, as people see them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ok } from "../support/fake-api.ts";
import { id, job, receipt } from "../support/rows.ts";
import { watchSession } from "../support/session.ts";
import { healthy, pending } from "../support/stages.ts";

describe("stopping", () => {
  test("tells what stops and ends when all has", async () => {
    const script = { "DELETE /v1/jobs/shop": ok(receipt({ version: 2, index: 20 })) };
    const stopping = {
      ...healthy,
      desired: "stop" as const,
      desired_reason: "job stopped",
      modify_index: 21,
    };
    const states = [
      job({ allocations: [healthy] }),
      job({ version: 2, stopped: true, allocations: [stopping] }),
      job({
        version: 2,
        stopped: true,
        status: "dead",
        allocations: [{ ...stopping, status: "complete", modify_index: 22 }],
      }),
    ];
    const session = await watchSession({ argv: ["stop", "shop"], states, script });
    assert.equal(
      session.stdout,
      `==> job shop shall stop (admitted)
    web[0]  allocation aaaaaaaa stopping: job stopped
    web[0]  allocation aaaaaaaa stopped
==> job shop is stopped
`,
    );
    assert.equal(session.code, 0);
  });

  test("what was stopped before says so", async () => {
    const script = { "DELETE /v1/jobs/shop": ok(receipt({ version: 2, index: 20, changed: false })) };
    const states = [
      job({
        version: 2,
        stopped: true,
        status: "dead",
        allocations: [{ ...healthy, status: "complete", desired: "stop" }],
      }),
    ];
    const session = await watchSession({ argv: ["stop", "shop"], states, script });
    assert.equal(session.stdout, "==> job shop was stopped before\n==> job shop is stopped\n");
  });

  test("what somebody started again meanwhile is not stopped", async () => {
    const script = { "DELETE /v1/jobs/shop": ok(receipt({ version: 2, index: 20 })) };
    const session = await watchSession({
      argv: ["stop", "shop"],
      states: [job({ version: 3, allocations: [healthy] })],
      script,
    });
    assert.match(session.stdout, /==> job shop runs again: somebody submitted version 3\n$/);
    assert.equal(session.code, 1);
  });

  test("an allocation is told together with the one that takes its place", async () => {
    const script = {
      [`GET /v1/allocations/aaaa`]: ok(healthy),
      [`POST /v1/allocations/${id("a")}/stop`]: ok({ index: 21, evaluation_id: id("e") }),
    };
    const stopping = {
      ...healthy,
      desired: "stop" as const,
      desired_reason: "stopped on request",
      modify_index: 21,
    };
    const stopped = { ...stopping, status: "complete" as const, modify_index: 22, next: id("b") };
    const states = [
      job({ allocations: [stopping], evaluations: [pending] }),
      job({ allocations: [stopping] }),
      job({
        allocations: [
          stopped,
          { ...healthy, id: id("b"), previous: id("a"), create_index: 23, modify_index: 25 },
        ],
      }),
    ];
    const session = await watchSession({ argv: ["alloc", "stop", "aaaa"], states, script });
    assert.equal(
      session.stdout,
      `==> allocation aaaaaaaa of job shop shall stop; web[0] is placed again
    web[0]  allocation aaaaaaaa stopping: stopped on request
    web[0]  allocation aaaaaaaa stopped
    web[0]  allocation bbbbbbbb placed on sparrow, replaces aaaaaaaa
    web[0]  allocation bbbbbbbb running  http at http://127.0.0.1:20711
    web[0]  allocation bbbbbbbb healthy
==> job shop version 1: 1 of 1 running and healthy
`,
    );
    assert.equal(session.code, 0);
  });
});
