import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeAttribute } from "../../../../federation/fit/constraint/attribute.ts";
import {
  affinityScores,
  isNodeConstraint,
  type NodeConstraint,
  selectNodes,
} from "../../../../federation/fit/constraint/constraint.ts";
import {
  constraintProblem,
  constraintText,
  isDistinctHosts,
  matcherOf,
  type NodeOperator,
  PATTERN_LENGTH_MAX,
  propertyLimit,
} from "../../../../federation/fit/constraint/operator.ts";
import type { Constraint } from "../../../../federation/index.ts";
import { nodeOf } from "../../fixtures.ts";

type Case = readonly [value: string | undefined, operator: NodeOperator, wanted: string, answer: boolean];

const CASES: readonly Case[] = [
  ["a", "=", "a", true],
  ["a", "=", "b", false],
  ["a", "!=", "a", false],
  ["a", "!=", "b", true],
  ["9", "<", "10", true],
  ["-5", "<", "+4", true],
  ["10", "<", "10", false],
  ["10", "<=", "10", true],
  ["10", ">", "9.5", true],
  ["1e3", ">", "999", true],
  ["100000000000000001", ">", "100000000000000000", true],
  ["900719925474099267", ">=", "900719925474099268", false],
  ["9", "<", "10a", false],
  ["abc", "<", "abd", true],
  ["foo", ">=", "foo", true],
  ["foo", ">", "foo", false],
  ["kernel-4.19", "regexp", "[0-9]\\.1", true],
  ["foobar", "regexp", "^bar", false],
  ["foobar", "regexp", "(?i)OBA", true],
  ["foobar", "regexp", "(", false],
  ["1.2.3", "version", ">= 1.2, < 2", true],
  ["1.2.3-beta", "version", ">= 1.2", false],
  ["1.2.3-beta", "semver", ">= 1.2", true],
  ["1.2.3", "version", "no version", false],
  ["a, b,c", "set_contains", "c,a", true],
  ["a,b", "set_contains", "a,c", false],
  ["a,b", "set_contains_any", "c , b", true],
  ["a,b", "set_contains_any", "c", false],
  ["", "is_set", "", true],
  ["a", "is_not_set", "", false],
];

test("each operator says what Nomad's says", () => {
  for (const [value, operator, wanted, answer] of CASES) {
    assert.equal(matcherOf(operator, wanted)(value), answer, `${value} ${operator} ${wanted}`);
  }
});

test("a node without the attribute satisfies != and is_not_set, and nothing else", () => {
  const operators = new Set(CASES.map(([, operator]) => operator));
  for (const operator of operators) {
    const expected = operator === "!=" || operator === "is_not_set";
    assert.equal(matcherOf(operator, "1")(undefined), expected, operator);
  }
});

test("a pattern that would hold up a backtracking engine for hours is nothing special", () => {
  const matches = matcherOf("regexp", "^(a+)+$");
  assert.equal(matches(`${"a".repeat(10_000)}b`), false);
  assert.equal(matches("a".repeat(10_000)), true);
});

test("attributes go by Nomad's names, in braces or not", () => {
  const node = nodeOf("node-a", {
    name: "alpha",
    attributes: { "cpu.count": "4", "driver.docker.version": "24" },
    meta: { rack: "r1", "a.b": "c" },
    drivers: {
      docker: { detected: true, healthy: false, attributes: { version: "24", "os.type": "linux" } },
      "my.plugin": { detected: true, healthy: true, attributes: { x: "1" } },
      qemu: { detected: false, healthy: false, attributes: { version: "8" } },
    },
  });
  const expected: Readonly<Record<string, string | undefined>> = {
    "attr.cpu.count": "4",
    "${attr.cpu.count}": "4",
    "attr.arch": "x64",
    "attr.os": "linux",
    "attr.driver.docker.version": "24",
    "attr.constructor": undefined,
    "attr.gpu": undefined,
    "meta.rack": "r1",
    "meta.a.b": "c",
    "meta.toString": undefined,
    "node.unique.id": "node-a",
    "node.unique.name": "alpha",
    "node.region": "region",
    "node.version": "0.1.0",
    "node.nothing": undefined,
    "driver.docker": "unhealthy",
    "driver.docker.version": "24",
    "driver.docker.os.type": "linux",
    "driver.docker.nothing": undefined,
    "driver.my.plugin": "healthy",
    "driver.my.plugin.x": "1",
    "driver.qemu": undefined,
    "driver.qemu.version": undefined,
    "driver.": undefined,
    rack: undefined,
    "": undefined,
  };
  for (const [name, value] of Object.entries(expected)) assert.equal(nodeAttribute(node, name), value, name);
});

const wish = (attribute: string, operator: NodeOperator, value: string): NodeConstraint => ({
  attribute,
  operator,
  value,
});

test("nodes are selected by value, also by the value of another attribute", () => {
  const nodes = [
    nodeOf("node-a", { meta: { zone: "1", wanted: "1" } }),
    nodeOf("node-b", { meta: { zone: "1", wanted: "2" } }),
    nodeOf("node-c", { meta: { wanted: "" } }),
    nodeOf("node-d"),
  ];
  const select = (constraint: NodeConstraint) => [...selectNodes(nodes, constraint)];
  assert.deepEqual(select(wish("meta.zone", "=", "1")), [1, 1, 0, 0]);
  assert.deepEqual(select(wish("meta.zone", "=", "${meta.wanted}")), [1, 0, 0, 0]);
  assert.deepEqual(select(wish("meta.zone", "!=", "${meta.wanted}")), [0, 1, 1, 0]);
  assert.deepEqual(select(wish("meta.wanted", "is_not_set", "")), [0, 0, 0, 1]);
});

test("affinities: the weights that hold over all weights", () => {
  const nodes = [
    nodeOf("node-a", { meta: { zone: "1" } }),
    nodeOf("node-b"),
    nodeOf("node-c", { arch: "arm64" }),
  ];
  const score = (...affinities: readonly (NodeConstraint & { weight: number })[]) =>
    affinityScores(nodes, affinities, (each) => selectNodes(nodes, each));
  const zone = { ...wish("meta.zone", "=", "1"), weight: 60 };
  const arm = { ...wish("attr.arch", "=", "arm64"), weight: -40 };
  assert.deepEqual([...(score(zone, arm) ?? [])], [0.6, 0, -0.4]);
  assert.deepEqual([...(score(arm) ?? [])], [0, 0, -1]);
  assert.equal(score(), undefined);
  assert.equal(score({ ...arm, weight: 0 }), undefined);
});

test("what is wrong with a constraint is said beforehand", () => {
  const problem = (operator: Constraint["operator"], value: string, attribute = "attr.x") =>
    constraintProblem({ attribute, operator, value });
  assert.equal(problem("=", "anything"), undefined);
  assert.match(problem("=", "x", "") ?? "", /operator = needs an attribute/);
  assert.equal(problem("distinct_hosts", "", ""), undefined);
  assert.match(problem("regexp", "a(") ?? "", /^a\( is no regular expression \(RE2\): /);
  assert.match(problem("regexp", "a".repeat(PATTERN_LENGTH_MAX + 1)) ?? "", /at most 1024 characters/);
  assert.equal(problem("regexp", "a".repeat(PATTERN_LENGTH_MAX)), undefined);
  assert.match(problem("regexp", "(?=a)") ?? "", /no regular expression/);
  assert.match(problem("version", "one") ?? "", /one is no version constraint: write one such as/);
  assert.match(problem("semver", "~> 1") ?? "", /is no semver constraint/);
  assert.equal(problem("semver", "${attr.y}"), undefined);
  assert.match(problem("distinct_property", "0") ?? "", /0 is no count/);
  assert.equal(problem("distinct_property", "", "meta.rack"), undefined);
});

test("the distinct operators read their values as Nomad does", () => {
  assert.deepEqual(["", "3", "0", "-1", "x", "9".repeat(30)].map(propertyLimit), [
    1,
    3,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assert.deepEqual(["", "true", "not_a_bool", "false", "F", "0"].map(isDistinctHosts), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
  assert.ok(!isNodeConstraint({ attribute: "", operator: "distinct_hosts", value: "" }));
  assert.ok(!isNodeConstraint({ attribute: "meta.a", operator: "distinct_property", value: "" }));
  assert.ok(isNodeConstraint({ attribute: "meta.a", operator: "is_set", value: "" }));
});

test("constraints are told as people write them", () => {
  assert.equal(constraintText({ attribute: "${attr.arch}", operator: "=", value: "arm" }), "attr.arch = arm");
  assert.equal(constraintText({ attribute: "meta.gpu", operator: "is_set", value: "" }), "meta.gpu is_set");
  assert.equal(constraintText({ attribute: "", operator: "distinct_hosts", value: "" }), "distinct_hosts");
});
