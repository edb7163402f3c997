import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CommandError,
  type CommandSpec,
  findCommand,
  parseInvocation,
  unknownCommand,
} from "../../../node/index.ts";

const spec: CommandSpec = {
  words: ["job", "run"],
  aliases: [["run"]],
  summary: "submit",
  usage: "FILE",
  arguments: { min: 1, max: 1 },
  options: {
    detach: { type: "boolean", short: "d", summary: "" },
    "check-index": { type: "string", summary: "" },
    meta: { type: "string", multiple: true, summary: "" },
  },
  load: () => Promise.reject(new Error("not loaded here")),
};
const commands: readonly CommandSpec[] = [spec, { ...spec, words: ["job", "ls"], aliases: [] }];

function refusal(words: readonly string[]): CommandError {
  try {
    parseInvocation(spec, words);
  } catch (cause) {
    assert.ok(cause instanceof CommandError);
    return cause;
  }
  assert.fail("taken");
}

test("the longest words name the command, short forms too", () => {
  assert.equal(findCommand(commands, ["job", "run", "x"])?.spec, spec);
  assert.deepEqual(findCommand(commands, ["run", "x"])?.rest, ["x"]);
  assert.equal(findCommand(commands, ["job"]), undefined);
});

test("an unknown command names the nearest or what the noun has", () => {
  assert.match(unknownCommand(commands, ["rnu"]).hint ?? "", /did you mean `peer run`/);
  assert.match(unknownCommand(commands, ["job", "rum"]).hint ?? "", /job has: run, ls/);
  assert.equal(unknownCommand(commands, ["x"]).exitCode, 64);
});

test("flags are taken with one dash or two, and repeated where they may be", () => {
  const invocation = parseInvocation(spec, ["-detach", "f.yaml", "--meta", "a=1", "-meta", "b=2"]);
  assert.deepEqual(invocation.arguments, ["f.yaml"]);
  assert.equal(invocation.options["detach"], true);
  assert.deepEqual(invocation.options["meta"], ["a=1", "b=2"]);
});

test("a wrong flag names the nearest right one and exits with 64", () => {
  const error = refusal(["f.yaml", "--detatch"]);
  assert.equal(error.message, "unknown flag --detatch");
  assert.match(error.hint ?? "", /did you mean --detach\?/);
  assert.equal(error.exitCode, 64);
});

test("missing and surplus arguments and values are told with the usage", () => {
  assert.equal(refusal([]).message, "an argument is missing");
  assert.equal(refusal(["a", "b"]).message, "unexpected argument b");
  assert.match(refusal(["a", "--check-index"]).message, /check-index/);
  assert.equal(refusal(["a", "b"]).hint, "usage: peer job run FILE");
});
