/** What `peer doctor` prints, for people and as an exit code. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ok, type Script } from "../support/fake-api.ts";
import { runWith } from "../support/terminal.ts";

async function screen(script: Script, ...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runWith(script, argv);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

describe("peer doctor", () => {
  const checks = [
    { name: "authority", state: "ok", message: "leads its region" },
    { name: "disk", state: "warning", message: "900 MiB free", hint: "free some space" },
  ];

  test("shows checks, and what to do about those that are not ok", async () => {
    const output = await screen({ "GET /v1/doctor": ok({ items: checks }) }, "doctor");
    assert.match(
      output,
      /^STATE +CHECK +FINDING\n(ok|warning) +node +Node [\d.]+\nok +authority +leads its region\nwarning {2}disk +900 MiB free\n/,
    );
    assert.match(output, / {2}disk, next: free some space\n$/);
    const values = JSON.parse(
      await screen({ "GET /v1/doctor": ok({ items: checks }) }, "doctor", "--json"),
    ) as { name: string }[];
    assert.deepEqual(
      values.map(({ name }) => name),
      ["node", "authority", "disk"],
    );
  });

  test("has exit code 1 where there is a problem, such as no peer", async () => {
    const { code, stdout } = await runWith({}, ["doctor", "--addr", "127.0.0.1:1"]);
    assert.equal(code, 1);
    assert.match(
      stdout,
      /problem +peer +no peer answers at 127\.0\.0\.1:1\n {2}peer, next: start one with `peer start`/,
    );
    assert.match((await runWith({}, ["doctor", "-q", "--addr", "127.0.0.1:1"])).stdout, /^(node\n)?peer\n$/);
  });
});
