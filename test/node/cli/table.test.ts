import assert from "node:assert/strict";
import { test } from "node:test";
import { fields, formatBytes, formatDuration, table, visibleLength } from "../../../node/index.ts";

test("columns are as wide as their widest cell, colours and the last column not counted", () => {
  const green = "\u001b[32mrunning\u001b[0m";
  assert.equal(visibleLength(green), 7);
  assert.deepEqual(
    table(
      ["id", "status", "note"],
      [
        ["a1", green, "x"],
        ["b22", "failed", ""],
      ],
    ),
    ["ID   STATUS   NOTE", `a1   ${green}  x`, "b22  failed"],
  );
});

test("no rows still have headers", () => {
  assert.deepEqual(table(["a", "b"], []), ["A  B"]);
  assert.deepEqual(fields([]), []);
});

test("sizes and times are told in two digits of meaning", () => {
  assert.equal(formatBytes(0), "0 B");
  assert.equal(formatBytes(1536), "1.5 KiB");
  assert.equal(formatBytes(300 * 1024 * 1024), "300 MiB");
  assert.equal(formatDuration(59_999), "59s");
  assert.equal(formatDuration(3 * 60_000 + 5_000), "3m5s");
  assert.equal(formatDuration(26 * 3_600_000), "1d2h");
  assert.equal(formatDuration(-5), "0s");
});
