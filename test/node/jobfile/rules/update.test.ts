/** How a change reaches running instances. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { UpdatePolicy } from "../../../../federation/index.ts";
import { parseJobFile } from "../../../../node/jobfile/index.ts";
import { type BadInput, problemsOf } from "../bad-input.ts";

const TASKS = "tasks: { app: { driver: process } }";

function job(update: string, group = ""): string {
  return `job: a\nupdate: { ${update} }\ngroups:\n  web: { ${TASKS}${group} }\n`;
}

function parsed(text: string) {
  const found = parseJobFile(text);
  assert.ok(found.ok, JSON.stringify(found));
  return found.value;
}

function policyOf(text: string): UpdatePolicy | undefined {
  return parsed(text).spec.groups[0]?.update;
}

describe("update", () => {
  test("what is left out is absent, and so is a default that is written", () => {
    const plain = { maxParallel: 1, minHealthyTimeMs: 10_000, healthyDeadlineMs: 300_000 };
    assert.deepEqual(policyOf(job("max_parallel: 1")), plain);
    assert.deepEqual(policyOf(job("order: stop-first, progress_deadline: 10m")), plain);
    assert.deepEqual(policyOf(job("order: start-first, progress_deadline: 0s")), {
      ...plain,
      order: "start-first",
      progressDeadlineMs: 0,
    });
  });

  test("a group has from its job what it leaves out itself", () => {
    const text = job("order: start-first", ", update: { max_parallel: 2 }");
    assert.deepEqual([policyOf(text)?.order, policyOf(text)?.maxParallel], ["start-first", 2]);
  });

  test("start-first with a static port is a warning", () => {
    const port = ", network: { ports: { http: { static: 8080 } } }";
    const [warning] = parsed(job("order: start-first", port)).warnings;
    assert.equal(warning?.path, "groups.web.network.ports.http.static");
    assert.match(warning?.message ?? "", /needs another node: the old one has port 8080/);
    assert.deepEqual(parsed(job("order: stop-first", port)).warnings, []);
  });

  const bad: readonly BadInput[] = [
    [
      "a rollout that would pause before its first instance can be bad",
      job("healthy_deadline: 5m, progress_deadline: 5m"),
      "2:1: update: progress_deadline 5m ends before healthy_deadline, 5m\n" +
        "  hint: raise progress_deadline, or write 0 for none",
    ],
    [
      "the same of job and group together",
      job("healthy_deadline: 20m", ", update: { progress_deadline: 15m }"),
      "4:47: groups.web.update: progress_deadline 15m ends before healthy_deadline, 20m\n" +
        "  hint: raise progress_deadline, or write 0 for none",
    ],
    [
      "an order that there is not",
      job("order: start_first"),
      '2:18: update.order: must be stop-first or start-first; this is "start_first"\n  hint: did you mean start-first?',
    ],
  ];
  for (const [name, text, says] of bad) test(name, () => assert.equal(problemsOf(text, "job.yaml"), says));
});
