import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { MUTATIONS } from "../../lab/mutations/table.ts";
import { SCENARIOS, WORLDS } from "../../lab/worlds.ts";

const ROOT = join(import.meta.dirname, "..", "..");

test("every known bug can be planted in the sources as they are, and is looked for", () => {
  assert.ok(MUTATIONS.length >= 12);
  assert.equal(new Set(MUTATIONS.map(({ name }) => name)).size, MUTATIONS.length);
  for (const { file, find, name, replace, runs } of MUTATIONS) {
    const text = readFileSync(join(ROOT, file), "utf8");
    assert.equal(text.split(find).length - 1, 1, `${name} fits ${file} once`);
    assert.notEqual(find, replace);
    for (const run of runs) {
      const [flag, value = ""] = run.split(" ");
      assert.ok(Object.hasOwn(flag === "--world" ? WORLDS : SCENARIOS, value), `${run} can be run`);
    }
  }
});
