/** Rules for variants of tasks: each has a driver, and nodes that it is for. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatJobFile, parseJobFile } from "../../../../node/jobfile/index.ts";
import { type BadInput, problemsOf } from "../bad-input.ts";

/** A job whose one task has these lines, from line 6 on. */
function task(...lines: readonly string[]): string {
  return [
    "job: a",
    "groups:",
    "  web:",
    "    tasks:",
    "      app:",
    ...lines.map((line) => `        ${line}`),
  ].join("\n");
}

const BAD: readonly BadInput[] = [
  [
    "neither a driver nor variants",
    task("config: { command: ls }"),
    `5:7: groups.web.tasks.app.driver: is missing in a task
  hint: write "driver: process"`,
  ],
  [
    "no driver and no variant",
    task("variants: []"),
    `5:7: groups.web.tasks.app.driver: is missing in a task
  hint: write "driver: process"`,
  ],
  [
    "a variant without a driver anywhere",
    task("variants:", "  - { os: linux, driver: process }", "  - { os: windows }"),
    `8:13: groups.web.tasks.app.variants[1].driver: is missing: the task has none either
  hint: write "driver: process"`,
  ],
  [
    "a variant for all nodes",
    task("driver: process", "variants:", "  - { config: { command: ls } }"),
    `8:13: groups.web.tasks.app.variants[0]: is for all nodes: say which by os, arch or both
  hint: write what all share in the task itself`,
  ],
  [
    "a variant that never has its turn, under another name",
    task("driver: process", "variants:", "  - { os: darwin }", "  - { os: macos, arch: arm64 }"),
    `9:13: groups.web.tasks.app.variants[1]: variants[0] comes first on all nodes that this one is for
  hint: put it before that one, or remove it`,
  ],
  [
    "a system that is none",
    task("driver: process", "variants: [ { os: window } ]"),
    `7:27: groups.web.tasks.app.variants[0].os: must be linux, darwin, windows or macos; this is "window"
  hint: did you mean windows?`,
  ],
  [
    "Nomad's name of the driver",
    task("driver: process", "variants: [ { os: linux, driver: raw_exec } ]"),
    `7:34: groups.web.tasks.app.variants[0].driver: Nomad's raw_exec is called process here
  hint: write "driver: process"`,
  ],
  [
    "resources of a variant",
    task("driver: process", "variants: [ { os: linux, resources: { cpu: 1 } } ]"),
    `7:34: groups.web.tasks.app.variants[0].resources: not supported yet: resources
  hint: resources are the same on all platforms: write them in the task`,
  ],
];

describe("variants that can't be", () => {
  for (const [name, text, says] of BAD) test(name, () => assert.equal(problemsOf(text, "job.yaml"), says));
});

test("platforms have one name in the model, whatever they are called", () => {
  const parsed = parseJobFile(
    task(
      "config: { args: [ -v ] }",
      "variants:",
      "  - { os: macos, arch: aarch64, driver: process, config: { command: ./mac }, env: {} }",
      "  - { arch: amd64, driver: process, kill_signal: SIGINT, kill_timeout: 2s }",
    ),
  );
  assert.ok(parsed.ok, JSON.stringify(parsed));
  const [app] = parsed.value.spec.groups[0]?.tasks ?? [];
  assert.ok(app !== undefined && !("driver" in app));
  assert.deepEqual(app.variants, [
    { os: "darwin", arch: "arm64", driver: "process", config: { command: "./mac" } },
    { arch: "x64", driver: "process", killSignal: "SIGINT", killTimeoutMs: 2_000 },
  ]);
  assert.deepEqual(formatJobFile(parsed.value.spec).groups["web"]?.tasks["app"], {
    config: { args: ["-v"] },
    variants: [
      { os: "darwin", arch: "arm64", driver: "process", config: { command: "./mac" } },
      { arch: "x64", driver: "process", kill_signal: "SIGINT", kill_timeout: "2s" },
    ],
  });
});
