import assert from "node:assert/strict";
import { test } from "node:test";
import {
  compareVersions,
  parseVersion,
  parseVersionWish,
  VERSION_LENGTH_MAX,
  VERSION_PARTS_MAX,
  type VersionForm,
} from "../../../../federation/fit/constraint/version.ts";

type Case = readonly [wish: string, version: string, answer: boolean];

function check(form: VersionForm, cases: readonly Case[]): void {
  for (const [wish, version, answer] of cases) {
    assert.equal(parseVersionWish(wish, form)?.(version), answer, `${version} is ${wish}`);
  }
}

test("version: what hashicorp/go-version's own tests expect", () => {
  check("version", [
    [">= 1.0, < 1.2", "1.1.5", true],
    ["< 1.0, < 1.2", "1.1.5", false],
    ["= 1.0", "1.1.5", false],
    ["= 1.0", "1.0.0", true],
    ["1.0", "1.0.0", true],
    ["~> 1.0", "2.0", false],
    ["~> 1.0", "1.1", true],
    ["~> 1.0", "1.2.3", true],
    ["~> 1.0.0", "1.2.3", false],
    ["~> 1.0.0", "1.0.7", true],
    ["~> 1.0.0", "1.1.0", false],
    ["~> 1.0.7", "1.0.4", false],
    ["~> 1.0.7", "1.0.7", true],
    ["~> 1.0.7", "1.0.8", true],
    ["~> 1.0.7", "1.0.7.5", true],
    ["~> 1.0.7", "1.0.6.99", false],
    ["~> 1.0.7", "1.0.8.0", true],
    ["~> 1.0.9.5", "1.0.9.5", true],
    ["~> 1.0.9.5", "1.0.9.4", false],
    ["~> 1.0.9.5", "1.0.9.6", true],
    ["~> 1.0.9.5", "1.0.9.5.0", true],
    ["~> 1.0.9.5", "1.0.9.5.1", true],
    ["~> 2.0", "2.1.0-beta", false],
    ["~> 2.1.0-a", "2.2.0", false],
    ["~> 2.1.0-a", "2.1.0", false],
    ["~> 2.1.0-a", "2.1.0-beta", true],
    ["~> 2.1.0-a", "2.2.0-alpha", false],
    ["> 2.0", "2.1.0-beta", false],
    [">= 2.1.0-a", "2.1.0-beta", true],
    [">= 2.1.0-a", "2.1.1-beta", false],
    [">= 2.0.0", "2.1.0-beta", false],
    [">= 2.1.0-a", "2.1.1", true],
    [">= 2.1.0-a", "2.1.0", true],
    ["<= 2.1.0-a", "2.0.0", true],
  ]);
});

test("semver: what Nomad's own tests expect", () => {
  check("semver", [
    [">= 1.0, < 1.2", "1.1.5", true],
    ["= 1.0", "1.1.5", false],
    ["1.0", "1.0.0", true],
    ["> 10", "8", false],
    ["> 2.0", "2.1.0-beta", true],
    ["> 2.1.0-a", "2.1.0-beta", true],
    ["> 2.1.0-a", "2.1.1-beta", true],
    ["> 2.0.0", "2.1.0-beta", true],
    ["> 2.1.0-a", "2.1.1", true],
    ["> 2.1.0-a", "2.1.0", true],
    ["<= 2.1.0-a", "2.0.0", true],
    [">= 0.6.1", "1.3.0-beta1", true],
    ["> 1.0-beta1", "1.0-rc1", true],
    [">= 0.6.1", "1.3.0-beta1+ent", true],
    [">= 1.3.0-beta1", "1.3.0-beta1+ent", true],
    ["> 1.3.0-beta1+cgo", "1.3.0-beta1+ent", false],
    ["= 1.3.0-beta1+cgo", "1.3.0-beta1+ent", true],
  ]);
});

test("what is no version wish", () => {
  const parts = (count: number) => Array.from({ length: count }, () => "> 1").join(",");
  const huge = "11387778780781445675529500000000000000000";
  for (const text of [">= 1.x", huge, "", ">= ", "1.0 2.0", "=> 1", parts(VERSION_PARTS_MAX + 1)]) {
    assert.equal(parseVersionWish(text, "version"), undefined, text);
    assert.equal(parseVersionWish(text, "semver"), undefined, text);
  }
  assert.ok(parseVersionWish(parts(VERSION_PARTS_MAX), "version"));
  assert.ok(parseVersionWish(">= 1.0beta1", "version"));
  assert.equal(parseVersionWish(">= 1.0beta1", "semver"), undefined);
  assert.equal(parseVersionWish("~> 1.0", "semver"), undefined);
});

test("what is no version satisfies no wish, not even to be another", () => {
  assert.equal(parseVersionWish("!= 1.0", "version")?.("1.1"), true);
  assert.equal(parseVersionWish("!= 1.0", "version")?.("1.0.0"), false);
  for (const text of ["", "latest", "1..2", "1.2+", `1${".0".repeat(VERSION_LENGTH_MAX / 2)}`]) {
    assert.equal(parseVersionWish("!= 1.0", "version")?.(text), false, text);
  }
  assert.equal(parseVersionWish("= 1.2.3", "version")?.(" v1.2.3 "), true);
});

test("versions stand in the order that Semantic Versioning 2 gives as its example", () => {
  const order = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.10",
    "2",
  ];
  const versions = order.map((text) => parseVersion(text, "semver"));
  for (const [at, left] of versions.entries()) {
    for (const [to, right] of versions.entries()) {
      assert.ok(left !== undefined && right !== undefined);
      assert.equal(Math.sign(compareVersions(left, right)), Math.sign(at - to), `${order[at]} ${order[to]}`);
    }
  }
});
