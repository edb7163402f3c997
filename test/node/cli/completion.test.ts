/** The scripts, in the shells themselves where they are on the machine. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { COMMANDS } from "../../../node/cli/commands.ts";
import { placesOf } from "../../../node/cli/completion/places.ts";
import { SHELLS } from "../../../node/cli/completion/shells.ts";
import { without } from "../../runner/system-packages.ts";
import { run } from "./support/terminal.ts";

let folder = "";

/** A program `peer` that knows ids and nothing else. */
const PROGRAM = `#!/bin/sh
case "$*" in
  'job ls -q') printf 'shop\\nshow\\n' ;;
  'ps -q') printf 'aaaa-1\\nbbbb-2\\n' ;;
  'node ls -q') echo node-1 ;;
  *) echo "peer was asked: $*" >&2; exit 1 ;;
esac
`;

async function scriptFor(shell: string): Promise<string> {
  const { code, stdout } = await run(["completion", shell]);
  assert.equal(code, 0);
  return stdout;
}

function inShell(program: string, args: readonly string[], input: string): readonly string[] {
  const { status, stdout, stderr } = spawnSync(program, args, {
    input,
    encoding: "utf8",
    cwd: folder,
    env: { PATH: `${folder}${delimiter}${process.env["PATH"] ?? ""}`, HOME: folder, TERM: "dumb" },
  });
  assert.deepEqual([status, stderr], [0, ""]);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .sort();
}

/** What bash would offer for the last word of a line. */
async function bashOffers(line: string): Promise<readonly string[]> {
  // As readline splits it: at blanks, and = by itself.
  const words = line.replaceAll("=", " = ").split(" ");
  const quoted = words.map((word) => `'${word}'`).join(" ");
  return inShell(
    "bash",
    ["--norc", "-s"],
    `${await scriptFor("bash")}
set -u
COMP_WORDS=(${quoted})
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_peer
printf '%s\\n' "\${COMPREPLY[@]-}"
`,
  );
}

describe("completion", () => {
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "peer-completion-"));
    writeFileSync(join(folder, "peer"), PROGRAM, { mode: 0o755 });
    writeFileSync(join(folder, "job one.yaml"), "");
    writeFileSync(join(folder, "job-two.yaml"), "");
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("each shell's script is printed, other shells are refused", async () => {
    for (const shell of SHELLS) assert.match(await scriptFor(shell), new RegExp(`peer.*${shell}`, "i"));
    const { stdout } = await run(["completion", "bash", "--json"]);
    assert.deepEqual(Object.keys(JSON.parse(stdout)), ["shell", "script"]);
    const { code, stderr } = await run(["completion", "csh"]);
    assert.deepEqual(
      [code, stderr],
      [64, "error: SHELL can't be csh\n  next: one of: bash, zsh, fish, powershell\n"],
    );
  });

  test("each shell's script has every command, with its flags", async () => {
    for (const shell of SHELLS) {
      const script = await scriptFor(shell);
      for (const { path, options, next } of placesOf(COMMANDS)) {
        assert.ok(script.includes(path), `${shell}: ${path}`);
        const words = [
          ...options.map(({ long }) => (shell === "fish" ? `-l ${long.slice(2)}` : long)),
          ...next.map(({ word }) => word),
        ];
        for (const word of words) assert.ok(script.includes(word), `${shell}: ${path} ${word}`);
      }
    }
  });

  describe("in bash", { skip: without("bash") }, () => {
    const offers: readonly (readonly [string, readonly string[]])[] = [
      ["peer s", ["service", "services", "start", "status", "stop"]],
      ["peer alloc ", ["logs", "ls", "restart", "status", "stop"]],
      ["peer job st", ["status", "stop"]],
      ["peer job run --d", ["--data", "--detach"]],
      ["peer ps --f", ["--filter"]],
      ["peer stop sho", ["shop", "show"]],
      ["peer -q job status ", ["shop", "show"]],
      ["peer --addr h:1 stop shop", ["shop"]],
      ["peer logs a", ["aaaa-1"]],
      ["peer logs ", ["aaaa-1", "bbbb-2", "shop", "show"]],
      ["peer logs -n 5 s", ["shop", "show"]],
      ["peer logs shop ", []],
      ["peer node show ", ["node-1"]],
      ["peer events --job sho", ["shop", "show"]],
      ["peer events --job=sho", ["shop", "show"]],
      ["peer start --log-level ", ["debug", "error", "info", "warn"]],
      ["peer start --log-level=w", ["warn"]],
      ["peer completion f", ["fish"]],
      ["peer run job", ["job one.yaml", "job-two.yaml"]],
      ["peer start --run job-", ["job-two.yaml"]],
      ["peer start --name ", []],
      ["peer xyzzy ", []],
    ];
    for (const [line, expected] of offers) {
      test(`${line}<TAB>`, async () => {
        assert.deepEqual(await bashOffers(line), expected);
      });
    }

    test("passes bash's own reading, also with all its strictness on", async () => {
      writeFileSync(join(folder, "script.bash"), await scriptFor("bash"));
      execFileSync("bash", ["--norc", "-euo", "pipefail", "-n", join(folder, "script.bash")]);
      const loaded = inShell(
        "bash",
        ["--norc", "-euo", "pipefail", "-c", ". ./script.bash; complete -p peer"],
        "",
      );
      assert.deepEqual(loaded, ["complete -F _peer peer"]);
    });
  });

  test("in zsh", { skip: without("zsh") }, async () => {
    writeFileSync(join(folder, "_peer"), await scriptFor("zsh"));
    assert.deepEqual(inShell("zsh", ["-f", "-n", join(folder, "_peer")], ""), []);
  });

  test("in fish", { skip: without("fish") }, async () => {
    writeFileSync(join(folder, "peer.fish"), await scriptFor("fish"));
    const offers: readonly (readonly [string, readonly string[]])[] = [
      ["peer job st", ["status", "stop"]],
      ["peer stop sho", ["shop", "show"]],
      ["peer run --det", ["--detach"]],
      ["peer start --log-level w", ["warn"]],
      ["peer logs -n 5 a", ["aaaa-1"]],
      ["peer completion f", ["fish"]],
    ];
    for (const [line, expected] of offers) {
      const found = inShell("fish", ["--no-config", "-c", `source peer.fish; complete -C '${line}'`], "");
      assert.deepEqual(
        found.map((offer) => offer.split("\t")[0]),
        expected,
        line,
      );
    }
  });
});
