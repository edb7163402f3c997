/** Help and the page in docs/ say what the table of commands says. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { COMMON_OPTIONS, usageOf } from "../../../node/cli/arguments.ts";
import { type CommandSpec, EXIT } from "../../../node/cli/command.ts";
import { COMMANDS } from "../../../node/cli/commands.ts";
import { commandHelp, nounHelp, optionText, overview } from "../../../node/cli/help.ts";
import { run } from "./support/terminal.ts";

const TERMINAL_COLUMNS = 80;
const nouns = [
  ...new Set(COMMANDS.filter(({ words }) => words.length > 1).map(({ words }) => words[0] ?? "")),
];
const ofNoun = (noun: string) => COMMANDS.filter(({ words }) => words.length > 1 && words[0] === noun);

async function printed(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(argv);
  assert.deepEqual([code, stderr], [0, ""], argv.join(" "));
  return stdout;
}

describe("help", () => {
  test("lists every command with its short form", async () => {
    const text = await printed();
    for (const spec of COMMANDS) {
      assert.ok(text.includes(`  ${usageOf(spec).replace("peer ", "")} `), usageOf(spec));
      for (const alias of spec.aliases ?? []) assert.ok(text.includes(`(short: ${alias.join(" ")})`));
    }
    for (const words of [["help"], ["--help"], ["-h"]]) assert.equal(await printed(...words), text);
  });

  test("fits in a terminal of 80 columns", () => {
    const texts = [
      overview(COMMANDS, "0.1.0"),
      ...nouns.map((noun) => nounHelp(noun, ofNoun(noun))),
      ...COMMANDS.map(commandHelp),
    ];
    for (const line of texts.flatMap((text) => text.split("\n")))
      assert.ok(line.length <= TERMINAL_COLUMNS, line);
  });

  test("of a noun shows its verbs", async () => {
    for (const noun of nouns) {
      const text = await printed(noun);
      for (const { words } of ofNoun(noun)) assert.ok(text.includes(`  ${words.join(" ")}`));
      assert.equal(await printed("help", noun), text);
      assert.equal(await printed(noun, "--help"), text);
    }
  });

  test("of a command shows usage, flags and examples, by each of its names", async () => {
    assert.equal(
      await printed("help", "alloc", "ls"),
      `usage: peer alloc ls [JOB] [flags]
short: peer ps

List allocations.

flags:
  -a, --all      also those that ended
  --filter EXPR  only rows that match, such as 'status == "failed"'

flags of every command:
  -h, --help        show this help
  --json            print JSON
  -q, --quiet       print ids only
  --addr HOST:PORT  API to talk to (PEER_ADDR)
  --token TOKEN     token to show (PEER_TOKEN)
  --data DIR        data directory of the peer (PEER_DATA)
  --namespace NAME  namespace (PEER_NAMESPACE)
  --no-color        no colours (NO_COLOR)

examples:
  peer ps                                      all that live
  peer ps -a hello                             of one job, with those that ended
  peer ps -q --filter 'health == "unhealthy"'  ids, for scripts
`,
    );
    assert.equal(await printed("ps", "--help"), await printed("help", "ps"));
    assert.equal(await printed("ps", "a", "b", "c", "-h"), await printed("help", "ps"));
  });

  test("has examples that are right usage", async () => {
    for (const { examples, words } of COMMANDS) {
      assert.ok(examples.length > 0, words.join(" "));
      for (const { line } of examples) assert.ok(line.includes("peer "), line);
    }
  });

  test("of what is not there says what there is", async () => {
    const { code, stderr } = await run(["help", "job", "rum"]);
    assert.equal(code, 64);
    assert.match(stderr, /did you mean `peer job run`\?/);
  });

  test("is JSON where JSON was asked for", async () => {
    assert.equal((JSON.parse(await printed("help", "--json")) as unknown[]).length, COMMANDS.length);
    assert.equal((JSON.parse(await printed("job", "--json")) as unknown[]).length, ofNoun("job").length);
    const value = JSON.parse(await printed("help", "run", "--json"));
    assert.deepEqual([value.command, value.short, value.usage], ["job run", ["run"], "peer job run FILE"]);
    assert.deepEqual(value.flags.detach.short, "d");
  });
});

describe("docs/cli.md", () => {
  const page = readFileSync(join(import.meta.dirname, "..", "..", "..", "docs", "cli.md"), "utf8");
  const cell = (text: string) => text.replaceAll("|", "\\|");

  /** `| peer ps [JOB] | … |` as the page has it. */
  function rowOf(spec: CommandSpec): string {
    const short = (spec.aliases ?? []).map((words) => `\`${words.join(" ")}\``).join(", ");
    const flags = Object.entries(spec.options).map(([name, option]) => `\`${optionText(name, option)}\``);
    return `| ${[`\`${usageOf(spec)}\``, short, spec.summary, flags.join(" ")].map(cell).join(" | ")} |`;
  }

  test("has a row for each command, and none for others", () => {
    for (const spec of COMMANDS) assert.ok(page.includes(rowOf(spec)), rowOf(spec));
    const rows = page.split("\n").filter((line) => line.startsWith("| `peer "));
    assert.equal(rows.length, COMMANDS.length);
  });

  test("names the flags of all commands, the variables and the exit codes", () => {
    for (const [name, option] of Object.entries(COMMON_OPTIONS)) {
      assert.ok(page.includes(`\`${optionText(name, option)}\``), name);
    }
    for (const name of ["ADDR", "TOKEN", "REGION", "NAMESPACE", "DATA"])
      assert.ok(page.includes(`\`PEER_${name}\``));
    for (const code of Object.values(EXIT)) assert.match(page, new RegExp(`^\\| ${code} \\|`, "m"));
  });

  test("shows only commands that there are", () => {
    const blocks = page.match(/^```sh\n[\s\S]*?^```$/gm) ?? [];
    const lines = blocks.flatMap((block) => block.split("\n")).filter((line) => /^peer /.test(line));
    assert.ok(lines.length >= 10);
    const names = COMMANDS.flatMap((spec) =>
      [spec.words, ...(spec.aliases ?? [])].map((words) => words.join(" ")),
    );
    for (const line of lines) {
      assert.ok(
        names.some((name) => line.startsWith(`peer ${name}`)),
        line,
      );
    }
  });
});
