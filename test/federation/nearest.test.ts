import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest } from "../../federation/index.ts";

const KNOWN = ["command", "args", "constraints", "count"];

test("finds what was meant", () => {
  assert.equal(nearest("comand", KNOWN), "command");
  assert.equal(nearest("ocunt", KNOWN), "count");
  assert.equal(nearest("Constraint", KNOWN), "constraints");
});

test("guesses nothing that is too far off", () => {
  assert.equal(nearest("image", KNOWN), undefined);
  assert.equal(nearest("", KNOWN), undefined);
  assert.equal(nearest("x".repeat(1_000), KNOWN), undefined);
});
