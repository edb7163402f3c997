import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { describeProblems, parseJobFile } from "../../../node/jobfile/index.ts";

describe("describeProblems", () => {
  test("shows the line and points at the place", () => {
    const text = "job: a\ngroups:\n  web:\n    cuont: 2\n    tasks: { app: { driver: process } }\n";
    const parsed = parseJobFile(text, { file: "shop.yaml" });
    assert.ok(!parsed.ok);
    assert.equal(
      describeProblems(parsed.error, { file: "shop.yaml", text }),
      `shop.yaml:4:5: groups.web.cuont: unknown field "cuont"; did you mean "count"?
  4 |     cuont: 2
    |     ^
  hint: a group has count, meta, constraints, affinities, spread, near, apart, algorithm, restart, reschedule, ` +
        "update, shutdown_delay, exclusive, ephemeral_disk, network, services, tasks",
    );
  });

  test("does without a file, a text, a place, a path and a hint", () => {
    const problem = { path: "job", message: "is odd" };
    assert.equal(describeProblems([problem]), "job: is odd");
    assert.equal(describeProblems([problem], { file: "a", text: "b" }), "a: job: is odd");
    assert.equal(
      describeProblems([{ path: "", message: "is odd", hint: "even it" }]),
      "is odd\n  hint: even it",
    );
    assert.equal(describeProblems([{ ...problem, line: 9, column: 1 }], { text: "b" }), "9:1: job: is odd");
  });

  test("lets no control character through to the terminal, and no endless line", () => {
    const text = `\u001b[2Jjob: ${"x".repeat(500)}`;
    const shown = describeProblems([{ path: "a", message: "m", line: 1, column: 1 }], { text });
    assert.match(shown, /^1:1: a: m\n {2}1 \| {2}\[2Jjob: x{90,95}\n {4}\| \^$/);
    const far = describeProblems([{ path: "a", message: "m", line: 1, column: 200 }], { text });
    assert.equal(far, "1:200: a: m");
  });
});
