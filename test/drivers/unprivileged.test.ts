/** The same, seen by a user without rights: no control groups, no other users. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";

const NOBODY = 65534;
const SUITES = ["process-contract", "process", "tree"];
const user = { uid: NOBODY, gid: NOBODY };
const files = SUITES.map((name) => join(import.meta.dirname, `${name}.test.ts`));

function whyNot(): string | false {
  if (process.geteuid?.() !== 0)
    return "only root can become somebody else; the suites themselves ran as this user";
  const script = `fs.readFileSync(${JSON.stringify(files[0])})`;
  const { status } = spawnSync(process.execPath, ["-e", script], { ...user, stdio: "ignore" });
  return status === 0 ? false : "another user can't read this checkout";
}

describe("process driver without rights", { skip: whyNot() }, () => {
  for (const [index, file] of files.entries()) {
    test(`${SUITES[index]}`, async () => {
      const directory = fs.mkdtempSync(join(tmpdir(), "peer-nobody-"));
      fs.chownSync(directory, NOBODY, NOBODY);
      try {
        const { NODE_TEST_CONTEXT: _inTest, ...env } = process.env;
        const child = spawn(process.execPath, ["--test", "--test-reporter=tap", file], {
          ...user,
          env: { ...env, TMPDIR: directory, HOME: directory, NODE_COMPILE_CACHE: join(directory, "cache") },
          stdio: ["ignore", "pipe", "inherit"],
        });
        const chunks: string[] = [];
        child.stdout.on("data", (chunk) => chunks.push(String(chunk)));
        const [code] = (await once(child, "close")) as [number | null];
        const text = chunks.join("");
        assert.equal(code, 0, text);
        assert.ok(Number(/^# pass (\d+)$/m.exec(text)?.[1]) > 0, text);
      } finally {
        fs.rmSync(directory, { recursive: true, force: true });
      }
    });
  }
});
