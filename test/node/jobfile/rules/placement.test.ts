/** Constraints, affinities, spreads, disk, and jobs that run on every node. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { GroupSpec, JobSpec } from "../../../../federation/index.ts";
import { parseJobFile } from "../../../../node/jobfile/index.ts";
import { type BadInput, problemsOf } from "../bad-input.ts";

function testBadInputs(inputs: readonly BadInput[]): void {
  for (const [name, text, says] of inputs) test(name, () => assert.equal(problemsOf(text, "job.yaml"), says));
}

/** A job with these lines in its group, from line 5 on. */
function group(lines: string): string {
  return `job: a\ngroups:\n  web:\n    tasks: { app: { driver: process } }\n${lines}`;
}

function constraint(fields: string): string {
  return group(`    constraints: [ { ${fields} } ]`);
}

const C = "groups.web.constraints[0]";

function specOf(text: string): JobSpec {
  const parsed = parseJobFile(text);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value.spec;
}

function groupOf(text: string): GroupSpec {
  const [only] = specOf(text).groups;
  assert.ok(only !== undefined);
  return only;
}

describe("constraints, affinities and spreads", () => {
  test("are read into one spelling for each meaning", () => {
    const { constraints } = groupOf(
      group(`    constraints:
      - { attribute: "\${attr.arch}", value: arm64 }
      - { attribute: attr.os, operator: ==, value: linux }
      - { attribute: attr.os, operator: is, value: linux }
      - { attribute: attr.os, operator: not, value: windows }
      - { attribute: attr.os, operator: "!=", value: windows }
      - { attribute: meta.discs, operator: set_contains_all, value: "ssd,hdd" }
      - { attribute: attr.cpu.count, operator: ">=", value: 4 }
      - { attribute: meta.gpu, operator: is_set }
      - { attribute: meta.home, value: "\${node.unique.name}" }
      - { operator: distinct_hosts }
      - { operator: distinct_hosts, value: true }
      - { attribute: meta.rack, operator: distinct_property }
      - { attribute: meta.rack, operator: distinct_property, value: 3 }`),
    );
    assert.deepEqual(
      constraints?.map(({ attribute, operator, value }) => [attribute, operator, value].join(" ")),
      [
        "attr.arch = arm64",
        "attr.os = linux",
        "attr.os = linux",
        "attr.os != windows",
        "attr.os != windows",
        "meta.discs set_contains ssd,hdd",
        "attr.cpu.count >= 4",
        "meta.gpu is_set ",
        "meta.home = ${node.unique.name}",
        " distinct_hosts ",
        " distinct_hosts ",
        "meta.rack distinct_property 1",
        "meta.rack distinct_property 3",
      ],
    );
  });

  test("stand in job, group and task, spreads alone or in a list, with Nomad's weight", () => {
    const spec = specOf(`job: a
constraints: [ { attribute: attr.os, value: linux } ]
affinities: [ { attribute: meta.tier, value: edge } ]
spread: { attribute: meta.row, weight: 20 }
groups:
  web:
    spread:
      - { attribute: meta.rack, targets: { r2: { percent: 30 }, r1: { percent: 70 } } }
      - { attribute: node.unique.name }
    tasks:
      app:
        driver: process
        constraints: [ { attribute: attr.peer.version, operator: version, value: ">= 0.1, < 2" } ]
        affinities: [ { attribute: meta.slow, operator: is_set, weight: -100 } ]
`);
    assert.deepEqual(spec.constraints, [{ attribute: "attr.os", operator: "=", value: "linux" }]);
    assert.deepEqual(spec.affinities, [{ attribute: "meta.tier", operator: "=", value: "edge", weight: 50 }]);
    assert.deepEqual(spec.spreads, [{ attribute: "meta.row", weight: 20, targets: [] }]);
    const targets = [
      { value: "r1", percent: 70 },
      { value: "r2", percent: 30 },
    ];
    assert.deepEqual(spec.groups[0]?.spreads, [
      { attribute: "meta.rack", weight: 50, targets },
      { attribute: "node.unique.name", weight: 50, targets: [] },
    ]);
    assert.deepEqual(spec.groups[0]?.tasks[0]?.affinities, [
      { attribute: "meta.slow", operator: "is_set", value: "", weight: -100 },
    ]);
  });

  test("leave no trace where there are none, so that older jobs keep their hashes", () => {
    const empty = specOf(group("    constraints: []\n    affinities: []\n    spread: []"));
    assert.deepEqual(empty, specOf(group("")));
    assert.ok(!("constraints" in empty) && !("spreads" in (empty.groups[0] ?? {})));
  });

  test("disk is reserved in the units of every size", () => {
    assert.equal(groupOf(group("    ephemeral_disk: { size: 300MB }")).diskBytes, 300_000_000);
    assert.equal(groupOf(group("    ephemeral_disk: { size: 300 }")).diskBytes, 300 * 2 ** 20);
    assert.equal(groupOf(group("")).diskBytes, undefined);
  });
});

const BAD_CONSTRAINTS: Parameters<typeof testBadInputs>[0] = [
  [
    "an operator that is none",
    constraint("attribute: attr.os, operator: contains, value: x"),
    `5:52: ${C}.operator: must be =, !=, <, <=, >, >=, regexp, version, semver, set_contains, ` +
      "set_contains_any, is_set, is_not_set, distinct_hosts, distinct_property, ==, is, not or " +
      'set_contains_all; this is "contains"\n  hint: did you mean set_contains?',
  ],
  [
    "an operator as Nomad's HCL has it",
    constraint('attribute: attr.os, regexp: "^l"'),
    `5:20: ${C}.value: is missing: = compares with one
  hint: write "value: …"; "operator: is_set" asks only whether the node has the attribute
5:42: ${C}.regexp: unknown field "regexp"; did you mean "operator: regexp"?`,
  ],
  [
    "no attribute",
    constraint("value: linux"),
    `5:20: ${C}.attribute: is missing: = judges one\n  hint: write "attribute: attr.arch"`,
  ],
  [
    "no value",
    constraint('attribute: attr.os, operator: "<"'),
    `5:20: ${C}.value: is missing: < compares with one
  hint: write "value: …"; "operator: is_set" asks only whether the node has the attribute`,
  ],
  [
    "an empty value",
    constraint('attribute: attr.os, value: ""'),
    `5:42: ${C}.value: is empty
  hint: to ask whether the node has the attribute, write "operator: is_set"`,
  ],
  [
    "a value that nobody reads",
    constraint("attribute: attr.os, operator: is_set, value: x"),
    `5:60: ${C}.value: is_set has no value\n  hint: remove it, or write another operator`,
  ],
  [
    "a value that would be filled in",
    constraint('attribute: attr.os, value: "a-${meta.os}"'),
    `5:42: ${C}.value: not supported yet: \${…} within a text
  hint: write the value itself, or one attribute alone: "\${meta.rack}"`,
  ],
  [
    "another attribute under Nomad's name",
    constraint('attribute: meta.os, value: "${attr.kernel.name}"'),
    `5:42: ${C}.value: Nomad's attr.kernel.name is called attr.os here
  hint: write "attr.os"`,
  ],
  [
    "an attribute without its kind",
    constraint("attribute: arch, value: x"),
    `5:33: ${C}.attribute: must be an attribute of a node, such as attr.arch, meta.rack or ` +
      `node.unique.name; this is "arch"
  hint: write "attribute: attr.arch" or "attribute: meta.rack"; \`peer node show\` lists what nodes have`,
  ],
  [
    "an attribute of no kind",
    constraint("attribute: env.HOME, value: x"),
    `5:22: ${C}.attribute: "env.HOME" is no attribute: those start with attr, driver, meta or node
  hint: \`peer node show\` lists what nodes have: attr.NAME, driver.NAME, meta.KEY`,
  ],
  [
    "an attribute under Nomad's name",
    constraint('attribute: "${attr.kernel.name}", value: linux'),
    `5:22: ${C}.attribute: Nomad's attr.kernel.name is called attr.os here
  hint: write "attr.os"`,
  ],
  [
    "an attribute that comes later",
    constraint("attribute: node.class, value: large"),
    `5:22: ${C}.attribute: not supported yet: node.class
  hint: set it with \`peer start --meta KEY=VALUE\` and write meta.KEY`,
  ],
  [
    "a label, which nobody signs yet",
    constraint("attribute: label.tier, value: edge"),
    `5:22: ${C}.attribute: not supported yet: "label.tier"
  hint: set it with \`peer start --meta KEY=VALUE\` and write meta.KEY`,
  ],
  [
    "a slip in an attribute of every node",
    constraint("attribute: node.unique.nam, value: x"),
    `5:22: ${C}.attribute: there is no "node.unique.nam"; did you mean node.unique.name?
  hint: there is node.unique.id, node.unique.name, node.region, node.datacenter, node.zone, node.pool, node.version`,
  ],
];

describe("bad constraints", () => {
  testBadInputs(BAD_CONSTRAINTS);
});

describe("values that are little languages", () => {
  testBadInputs([
    [
      "no pattern",
      constraint('attribute: attr.os, operator: regexp, value: "a(b"'),
      `5:60: ${C}.value: a(b is no regular expression (RE2): error parsing regexp: missing closing ): \`a(b\`
  hint: a dot, bracket or sign that stands for itself needs a \\ before it`,
    ],
    [
      "a pattern that looks back",
      constraint('attribute: attr.os, operator: regexp, value: "(?<!x)y"'),
      `5:60: ${C}.value: a pattern can't look around or back: "(?<!" at character 1
  hint: patterns run in linear time, as in RE2; use two constraints for two conditions`,
    ],
    [
      "a pattern that refers back",
      constraint("attribute: attr.os, operator: regexp, value: '(a)\\1'"),
      `5:60: ${C}.value: a pattern can't look around or back: "\\\\1" at character 4
  hint: patterns run in linear time, as in RE2; use two constraints for two conditions`,
    ],
    [
      "no version",
      constraint('attribute: attr.peer.version, operator: version, value: ">= new"'),
      `5:71: ${C}.value: is not a condition on a version: ">= new"
  hint: write ">= 1.2, < 2"; the operators are = != > >= < <= ~>`,
    ],
    [
      "an operator that semver lacks",
      constraint('attribute: attr.peer.version, operator: semver, value: "~> 1.2"'),
      `5:70: ${C}.value: semver has no ~>, whose meaning there is disputed
  hint: write "operator: version", or >= and <`,
    ],
    [
      "a set with an empty item",
      constraint('attribute: attr.arch, operator: set_contains_any, value: "arm64,,x64"'),
      `5:72: ${C}.value: has an empty item: "arm64,,x64"
  hint: separate items with one comma: "arm64,x64"`,
    ],
    [
      "half an instance",
      constraint("attribute: meta.rack, operator: distinct_property, value: 1.5"),
      `5:73: ${C}.value: must be a number of instances; this is "1.5"
  hint: write "value: 2", or remove it for 1`,
    ],
    [
      "distinct hosts by an attribute",
      constraint("attribute: meta.rack, operator: distinct_hosts, value: false"),
      `5:22: ${C}.attribute: distinct_hosts is about nodes, it has no attribute
  hint: remove it; "operator: distinct_property" keeps instances apart by an attribute
5:70: ${C}.value: distinct_hosts holds always, it has no value
  hint: remove the constraint`,
    ],
  ]);

  test("a backslash that stands for itself refers to nothing", () => {
    assert.equal(
      problemsOf(constraint("attribute: meta.path, operator: regexp, value: 'c:\\\\1'"), "job.yaml"),
      "nothing is wrong",
    );
  });
});

describe("bad affinities, spreads and disks", () => {
  testBadInputs([
    [
      "an affinity for nothing",
      group("    affinities: [ { attribute: meta.tier, value: edge, weight: 0 } ]"),
      `5:56: groups.web.affinities[0].weight: must not be 0
  hint: 1 to 100 likes such nodes, -1 to -100 avoids them`,
    ],
    [
      "more shares than there are",
      group("    spread: { attribute: meta.rack, targets: { a: { percent: 70 }, b: { percent: 31 } } }"),
      `5:37: groups.web.spread.targets: the shares come to 101 percent, more than 100
  hint: lower some; what is left goes to the other values`,
    ],
    [
      "bare shares, in a list",
      group(
        "    spread: [ { attribute: meta.rack, target: {} }, { attribute: meta.rack, targets: { a: 5 } } ]",
      ),
      `5:39: groups.web.spread[0].target: unknown field "target"; did you mean "targets"?
5:55: groups.web.spread[1].attribute: spreads over the same attribute as spread[0]
  hint: keep one of the two
5:91: groups.web.spread[1].targets.a: must be a map with percent; this is 5
  hint: write { percent: 50 }`,
    ],
    [
      "a spread that is a word",
      group("    spread: meta.rack"),
      `5:13: groups.web.spread: must be a list of spreads; this is "meta.rack"
  hint: write a map, or a list of them: spread: { attribute: meta.rack }`,
    ],
    [
      "a disk without a size, and what comes later",
      group("    ephemeral_disk: { sticky: true }"),
      `5:5: groups.web.ephemeral_disk.size: is missing in ephemeral_disk
  hint: write "size: 300MB"
5:23: groups.web.ephemeral_disk.sticky: not supported yet: sticky
  hint: remove it: a new allocation starts with an empty directory`,
    ],
    [
      "instances of a group, asked of a task",
      "job: a\ngroups: { b: { tasks: { c: { driver: p, constraints: [ { operator: distinct_hosts } ] } } } }",
      `2:56: groups.b.tasks.c.constraints[0]: distinct_hosts is about instances of the group, not about a task
  hint: move it to the constraints of the group`,
    ],
  ]);
});

describe("jobs that run on every node", () => {
  test("have one instance a node and never move", () => {
    for (const [type, attempts] of [
      ["system", 2],
      ["sysbatch", 3],
    ] as const) {
      const only = groupOf(`type: ${type}\n${group("")}`);
      assert.equal(only.count, 1);
      assert.equal(only.restart.attempts, attempts);
      assert.deepEqual([only.reschedule.attempts, only.reschedule.unlimited], [0, false]);
      assert.ok(parseJobFile(`type: ${type}\n${group("    count: 1")}`).ok);
    }
  });

  testBadInputs([
    [
      "a count",
      `type: system\n${group("    count: 3")}`,
      `6:5: groups.web.count: a system job runs once on every node that fits
  hint: remove it; \`peer job stop\` stops the job, constraints choose nodes`,
    ],
    [
      "an algorithm",
      `type: system\nalgorithm: spread\n${group("")}`,
      `2:1: algorithm: a system job runs on every node that fits: there is nothing to prefer
  hint: remove it, or use constraints`,
    ],
    [
      "what chooses among nodes, and another place",
      `type: sysbatch\nspread: { attribute: meta.rack }\n${group(
        "    affinities: [ { attribute: meta.x, operator: is_set } ]\n    reschedule: { unlimited: true }",
      )}`,
      `2:1: spread: a sysbatch job runs on every node that fits: there is nothing to prefer
  hint: remove it, or use constraints
7:5: groups.web.affinities: a sysbatch job runs on every node that fits: there is nothing to prefer
  hint: remove it, or use constraints
8:5: groups.web.reschedule: a sysbatch job runs on every node that fits: there is no other place
  hint: remove it; restart says what happens on the node`,
    ],
  ]);
});

describe("pools, datacenters and algorithms", () => {
  const job = (lines: string) => `${lines}\n${group("    algorithm: spread")}`;

  test("are read into one spelling for each meaning", () => {
    const spec = specOf(job("algorithm: random\nnode_pool: edge\ndatacenters: [ rome, paris-*, rome ]"));
    assert.deepEqual(
      [spec.algorithm, spec.nodePool, spec.datacenters],
      ["random", "edge", ["paris-*", "rome"]],
    );
    assert.equal(spec.groups[0]?.algorithm, "spread");
  });

  test("defaults that are written down are no change", () => {
    const plain = specOf(group("").replace("groups", "algorithm: spread\ngroups"));
    const told = specOf(job('algorithm: spread\nnode_pool: default\ndatacenters: [ "*", rome ]'));
    assert.deepEqual(told, plain);
    assert.deepEqual(specOf(`algorithm: binpack\n${group("")}`), specOf(group("")));
  });

  testBadInputs([
    [
      "an algorithm that is none",
      `algorithm: binpak\n${group("")}`,
      `1:12: algorithm: must be binpack, spread, balanced or random; this is "binpak"
  hint: did you mean binpack?`,
    ],
    [
      "a datacenter that is no name",
      `datacenters: [ "paris 1" ]\n${group("")}`,
      `1:16: datacenters[0]: must be a datacenter: letters, digits and -_., and * for any of them; this is "paris 1"`,
    ],
    [
      "datacenters that make too long a pattern",
      `datacenters: [ ${Array.from({ length: 40 }, (_, n) => `${"x".repeat(40)}${n}-*`).join(", ")} ]\n${group("")}`,
      `1:1: datacenters: are too long together
  hint: shorten or merge some: paris-* for paris-1 …`,
    ],
  ]);
});

describe("neighbours", () => {
  test("are read into one spelling for each meaning", () => {
    const { neighbours } = groupOf(
      group(`    near: { job: db }
    apart:
      - { group: web, by: "\${meta.rack}", required: true }
      - { job: a, group: web, weight: 10 }
      - { job: a }`),
    );
    assert.deepEqual(neighbours, [
      { kind: "near", job: "db", by: "node.unique.id", weight: 50 },
      { kind: "apart", group: "web", by: "meta.rack" },
      { kind: "apart", group: "web", by: "node.unique.id", weight: 10 },
      { kind: "apart", by: "node.unique.id", weight: 50 },
    ]);
  });

  testBadInputs([
    [
      "nobody",
      group("    near: { weight: 5 }"),
      `5:5: groups.web.near: names nobody
  hint: write "job: db" for another job, "group: cache" for a group of this one`,
    ],
    [
      "a group that is not there",
      group("    near: [ { job: db, group: wob }, { group: wob } ]"),
      `5:40: groups.web.near[1].group: there is no group "wob" in this job
  hint: did you mean web?`,
    ],
    [
      "a weight that decides nothing, and one of the other kind",
      group("    near: { job: db, weight: 5, required: true }\n    apart: { job: db, weight: -5 }"),
      `5:22: groups.web.near.weight: counts for nothing beside required: true, which leaves no choice
  hint: remove one of the two
6:31: groups.web.apart.weight: must be from 1 to 100; this is -5
  hint: 1 to 100: near likes such nodes, apart avoids them`,
    ],
    [
      "an attribute that is none, and a job on every node",
      `type: system\n${group("    apart: { job: db, by: rack.x }")}`,
      `6:5: groups.web.apart: a system job runs on every node that fits: there is nothing to prefer
  hint: remove it, or use constraints
6:23: groups.web.apart.by: "rack.x" is no attribute: those start with attr, driver, meta or node
  hint: \`peer node show\` lists what nodes have: attr.NAME, driver.NAME, meta.KEY`,
    ],
  ]);
});

describe("cores and memory_max", () => {
  const resources = (fields: string) =>
    `job: a\ngroups: { web: { tasks: { app: { driver: process, resources: { ${fields} } } } } }`;

  test("cores are worth all their cpu", () => {
    const [task] = groupOf(resources("cores: 2, memory: 64MiB, memory_max: 128MiB")).tasks;
    const { memoryBytes, ...rest } = task?.resources ?? { memoryBytes: 0 };
    assert.deepEqual([rest, memoryBytes], [{ cpu: 2000, cores: 2, memoryMaxBytes: 2 ** 27 }, 2 ** 26]);
  });

  testBadInputs([
    [
      "both, and a limit below what is reserved",
      resources("cores: 2, cpu: 100, memory_max: 64MiB"),
      `2:64: groups.web.tasks.app.resources.cores: cores and cpu exclude each other
  hint: cores reserves whole ones, cpu a share of them all: remove one of the two
2:84: groups.web.tasks.app.resources.memory_max: memory_max 64MiB is less than memory, 300MiB
  hint: raise it, or lower memory`,
    ],
  ]);
});
