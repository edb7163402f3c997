import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { damageValue, editText, FuzzFailure, fuzzJobFiles } from "../../lab/index.ts";

const folder = join(import.meta.dirname, "..", "..", "examples");
const examples = readdirSync(folder)
  .filter((file) => file.endsWith(".yaml"))
  .map((file) => readFileSync(join(folder, file), "utf8"));

const OPTIONS = { seed: 1, examples, slowMs: 1_000, usedMs: () => 0, log: () => undefined };

describe("the fuzz of job files", () => {
  test("5,000 damaged ones each get an answer", () => {
    const report = fuzzJobFiles({ ...OPTIONS, inputs: 5_000 });
    assert.equal(report.inputs, 5_000);
    // Both outcomes are looked at, or it would prove little.
    assert.ok(report.accepted > 250 && report.accepted < 4_000, `${report.accepted} accepted`);
  });

  test("is the same twice", () => {
    assert.deepEqual(fuzzJobFiles({ ...OPTIONS, inputs: 200 }), fuzzJobFiles({ ...OPTIONS, inputs: 200 }));
  });

  test("names the input that takes too long", () => {
    let nowMs = 0;
    const usedMs = () => {
      nowMs += 1_001;
      return nowMs;
    };
    assert.throws(
      () => fuzzJobFiles({ ...OPTIONS, inputs: 1, usedMs }),
      (error) => error instanceof FuzzFailure && /^input 0 of seed 1: it took 1001 ms\n/.test(error.message),
    );
  });
});

describe("damage", () => {
  test("does to values what it says", () => {
    const value = { a: [1, { b: 2 }] };
    const at = { key: "k", junk: "j" };
    // Places, from the top: the value, a, a[0], a[1], a[1].b.
    assert.deepEqual(damageValue(value, [{ ...at, kind: "replace", at: 2 }]), { a: ["j", { b: 2 }] });
    assert.deepEqual(damageValue(value, [{ ...at, kind: "remove", at: 4 }]), { a: [1, {}] });
    assert.deepEqual(damageValue(value, [{ ...at, kind: "rename", at: 1 }]), { k: [1, { b: 2 }] });
    assert.deepEqual(damageValue(value, [{ ...at, kind: "add", at: 5 }]), { a: [1, { b: 2 }], k: "j" });
    const named = damageValue(value, [{ ...at, kind: "add", at: 0, key: "__proto__" }]);
    assert.deepEqual(Object.keys(named as object), ["a"]);
  });

  test("edits texts where it says, round again", () => {
    assert.equal(editText("abc", [{ at: 1, remove: 1, insert: "xy" }]), "axyc");
    assert.equal(editText("abc", [{ at: 4, remove: 0, insert: "x" }]), "xabc");
  });
});
