import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { findCommand, parseInvocation, unknownCommand, usageOf } from "../../../node/cli/arguments.ts";
import { CommandError, type CommandSpec, countOption, listOption } from "../../../node/cli/command.ts";
import { COMMANDS } from "../../../node/cli/commands.ts";

const spec: CommandSpec = {
  words: ["job", "run"],
  aliases: [["run"]],
  section: "",
  summary: "submit",
  parameters: [{ name: "FILE" }, { name: "MODE", isOptional: true, choices: ["fast", "slow"] }],
  options: {
    detach: { type: "boolean", short: "d", summary: "" },
    "check-index": { type: "string", value: { name: "N" }, summary: "" },
    tail: { type: "string", short: "n", value: { name: "LINES" }, summary: "" },
    meta: { type: "string", multiple: true, summary: "" },
  },
  examples: [],
  load: () => Promise.reject(new Error("not loaded here")),
};
const commands: readonly CommandSpec[] = [spec, { ...spec, words: ["job", "ls"], aliases: [] }];

function refusal(words: readonly string[]): CommandError {
  return refusalOf(() => parseInvocation(spec, words));
}

function refusalOf(act: () => unknown): CommandError {
  try {
    act();
  } catch (cause) {
    assert.ok(cause instanceof CommandError);
    assert.equal(cause.exitCode, 64);
    return cause;
  }
  assert.fail("taken");
}

describe("finding the command", () => {
  test("the longest words name it, short forms too", () => {
    assert.equal(findCommand(commands, ["job", "run", "x"]).spec, spec);
    assert.deepEqual(findCommand(commands, ["run", "job", "x"]).rest, ["job", "x"]);
    assert.equal(findCommand(commands, ["x"]).spec, undefined);
  });

  test("a noun alone is told from a command", () => {
    const found = findCommand(commands, ["job", "--help"]);
    assert.deepEqual([found.spec, found.words, found.rest], [undefined, ["job"], ["--help"]]);
  });

  test("flags of all commands may stand before and between its words", () => {
    const argv = ["--json", "-q", "job", "--addr", "h:1", "-data=d", "run", "f", "--detach"];
    const found = findCommand(commands, argv);
    assert.equal(found.spec, spec);
    assert.deepEqual(found.rest, ["--json", "-q", "--addr", "h:1", "-data=d", "f", "--detach"]);
    assert.equal(parseInvocation(spec, found.rest).options["addr"], "h:1");
  });

  test("every command of the table is found by each of its names, wherever --json stands", () => {
    const names = COMMANDS.flatMap((each) =>
      [each.words, ...(each.aliases ?? [])].map((words) => ({ each, words })),
    );
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(2), ({ each, words }, at) => {
        const argv = words.toSpliced(Math.min(at, words.length), 0, "--json");
        assert.equal(findCommand(COMMANDS, argv).spec, each);
      }),
    );
    const texts = names.map(({ words }) => words.join(" "));
    assert.equal(new Set(texts).size, texts.length);
  });

  test("an unknown one may mean the nearest, or has a list of its noun's verbs", () => {
    const error = unknownCommand(commands, findCommand(commands, ["rnu"]));
    assert.equal(error.message, "unknown command `peer rnu`");
    assert.deepEqual(error.suggestion?.given, ["rnu", "rnu"]);
    assert.deepEqual(error.suggestion?.known, ["job run", "run", "job ls"]);
    const verb = unknownCommand(commands, findCommand(commands, ["job", "rum", "f"]));
    assert.equal(verb.message, "unknown command `peer job rum`");
    assert.equal(verb.hint, "job has: run, ls");
    assert.match(
      unknownCommand(commands, findCommand(commands, ["--jso", "ps"])).message,
      /unknown flag --jso/,
    );
  });
});

describe("flags", () => {
  test("are taken with one dash or two, with = or a space, and repeated where they may be", () => {
    const invocation = parseInvocation(spec, [
      "-detach",
      "f.yaml",
      "--meta",
      "a=1",
      "-meta=b=2",
      "-n20",
      "-check-index",
      "7",
    ]);
    assert.deepEqual(invocation.arguments, ["f.yaml"]);
    assert.equal(invocation.options["detach"], true);
    assert.deepEqual(listOption(invocation, "meta"), ["a=1", "b=2"]);
    assert.equal(countOption(invocation, "tail"), 20);
    assert.equal(countOption(invocation, "check-index"), 7);
  });

  test("end at --: what follows are arguments, whatever they look like", () => {
    const { arguments: given, options } = parseInvocation(spec, ["-d", "--", "-detach"]);
    assert.deepEqual(given, ["-detach"]);
    assert.equal(options["detach"], true);
  });

  test("short ones may be written together", () => {
    const { options } = parseInvocation(spec, ["f", "-dqn", "5"]);
    assert.deepEqual([options["detach"], options["quiet"], options["tail"]], [true, true, "5"]);
  });

  test("a wrong one names the usage, and may mean the nearest", () => {
    const error = refusal(["f.yaml", "--detatch"]);
    assert.equal(error.message, "unknown flag --detatch");
    assert.match(error.hint ?? "", /usage: peer job run FILE \[MODE\]/);
    assert.match(error.suggestion?.hint("detach") ?? "", /did you mean --detach\?/);
    assert.equal(refusal(["f", "-x"]).message, "unknown flag -x");
    assert.equal(refusal(["f", "-dx"]).message, "unknown flag -x");
  });

  test("a missing or a surplus value is told", () => {
    assert.equal(refusal(["f", "--check-index"]).message, "--check-index needs a value: N");
    assert.equal(refusal(["f", "--check-index", "--detach"]).message, "--check-index needs a value: N");
    assert.equal(refusal(["f", "--detach=no"]).message, "--detach takes no value");
  });

  test("numbers are whole and not negative", () => {
    for (const text of ["x", "-1", "1.5", "1e3", "", "99999999999999999999"]) {
      const invocation = parseInvocation(spec, ["f", `--tail=${text}`]);
      assert.match(refusalOf(() => countOption(invocation, "tail")).message, /is no number/);
    }
  });
});

describe("arguments", () => {
  test("missing and surplus ones are told with the usage", () => {
    assert.equal(refusal([]).message, "FILE is missing");
    assert.equal(refusal(["a", "fast", "c"]).message, "unexpected argument c");
    assert.equal(refusal([]).hint, "usage: peer job run FILE [MODE]");
    assert.deepEqual(parseInvocation(spec, ["--help"]).arguments, []);
  });

  test("choices are the only values", () => {
    assert.deepEqual(parseInvocation(spec, ["f", "slow"]).arguments, ["f", "slow"]);
    assert.equal(refusal(["f", "slower"]).hint, "one of: fast, slow");
  });

  test("optional ones may stand in the middle: what is missing is named all the same", () => {
    const parameters = [{ name: "JOB" }, { name: "GROUP", isOptional: true }, { name: "COUNT" }];
    const scale = { ...spec, words: ["scale"], parameters };
    assert.equal(usageOf(scale), "peer scale JOB [GROUP] COUNT");
    assert.equal(refusalOf(() => parseInvocation(scale, ["shop"])).message, "COUNT is missing");
    assert.deepEqual(parseInvocation(scale, ["shop", "3"]).arguments, ["shop", "3"]);
    assert.equal(
      refusalOf(() => parseInvocation(scale, ["a", "b", "3", "4"])).message,
      "unexpected argument 4",
    );
  });
});
