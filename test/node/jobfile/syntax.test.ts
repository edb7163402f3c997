/** Texts that are no YAML or no JSON, that are of another system, or that are too much. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseJobFile, parseJobValue } from "../../../node/jobfile/index.ts";
import { type BadInput, problemsOf } from "./bad-input.ts";

const START = 'start with "job: NAME"; see examples/hello.yaml';
const OWN_FORM = "write the job in this project's own form: docs/job-file.md shows each field beside Nomad's";

const BAD_YAML: readonly BadInput[] = [
  ["an empty file", "", `1:1: the file is empty\n  hint: ${START}`],
  ["only a comment", "# later\n", `1:1: the file is empty\n  hint: ${START}`],
  [
    "a word",
    "hello",
    `1:1: must be a map with job, namespace, type, priority …; this is "hello"
  hint: start with "job: NAME"; docs/job-file.md shows a whole file`,
  ],
  [
    "a tab for indentation",
    "job: a\ngroups:\n\tweb: 1",
    "3:1: YAML: Tabs are not allowed as indentation\n  hint: YAML is indented with spaces",
  ],
  [
    "a colon in a plain text",
    "job: a: b",
    `1:6: YAML: Nested mappings are not allowed in compact mappings
  hint: a value with ": " in it needs quotes`,
  ],
  ["a quote that is not closed", 'job: "a', '1:8: YAML: Missing closing "quote'],
  [
    "two documents",
    "job: a\n---\njob: b",
    "2:1: YAML: the file holds more than one document\n  hint: one job a file: remove what follows ---",
  ],
  [
    "another version of YAML",
    "%YAML 1.1\n---\njob: a",
    "1:1: job files are YAML 1.2; this one says 1.1\n  hint: remove the %YAML line",
  ],
  [
    "an alias without its anchor",
    "job: *name",
    `1:6: job: there is no anchor &name above
  hint: an alias (*name) needs its anchor (&name) further up; a text that starts with * needs quotes`,
  ],
  ["an alias inside of what it names", "job: &a [ *a ]", "1:11: job[0]: *a stands inside of what it repeats"],
  [
    "a key that is a list",
    "? [ a ]\n: 1",
    `1:3: YAML: a key must be a plain text
  hint: a { at the start of a value needs quotes unless a map is meant`,
  ],
];

const BAD_MAPS: readonly BadInput[] = [
  [
    "a key that is there twice, also in what is not known here",
    "job: a\ngroups: { b: { tasks: { c: { driver: p, config: { x: 1,\n x: 2 } } } } }",
    '3:2: groups.b.tasks.c.config.x: "x" is there twice; first in line 2\n  hint: keep one of the two',
  ],
  [
    "a task that is there twice",
    "job: a\ngroups:\n  b:\n    tasks:\n      c: { driver: p }\n      c: { driver: q }",
    '6:7: groups.b.tasks.c: "c" is there twice; first in line 5\n  hint: keep one of the two',
  ],
  [
    "a merge key",
    "job: a\ngroups: { b: { tasks: { c: { driver: p, env: { <<: { x: 1 } } } } } }",
    `2:48: groups.b.tasks.c.env["<<"]: merge keys (<<) are not part of YAML 1.2
  hint: write the fields out, or repeat a whole value with an alias: *name`,
  ],
  [
    "a tag",
    "job: !name a\ngroups: { b: { tasks: { c: { driver: p } } } }",
    '1:12: job: job files have no tags; this is "!name"\n  hint: a text that starts with ! needs quotes',
  ],
  [
    "the key that leads to prototypes",
    "job: a\ngroups: { b: { tasks: { c: { driver: p, config: { __proto__: { x: 1 } } } } } }",
    "2:51: groups.b.tasks.c.config.__proto__: this key is not allowed anywhere",
  ],
  [
    "numbers that JSON can't hold",
    "job: a\ngroups: { b: { tasks: { c: { driver: p, config: { x: .inf, y: 12345678901234567890 } } } } }",
    `2:54: groups.b.tasks.c.config.x: must be a number that JSON can hold; this is Infinity
2:63: groups.b.tasks.c.config.y: 12345678901234567890 has too many digits to be kept exactly
  hint: write it in quotes`,
  ],
  [
    "texts that no program can be given",
    'job: a\ngroups: { b: { tasks: { c: { driver: p, env: { A: "\\0", B: "\\ud800" } } } } }',
    `2:51: groups.b.tasks.c.env.A: holds a NUL character, which no program can be given
2:60: groups.b.tasks.c.env.B: holds half of a surrogate pair, which UTF-8 can't carry`,
  ],
];

const BAD_JSON: readonly BadInput[] = [
  ["an empty file", " \n", '1:1: the file is empty\n  hint: start with { "job": "NAME" …'],
  ["a comma too many", '{\n  "job": "a",\n}', '2:13: JSON: a comma before "}"\n  hint: remove the comma'],
  [
    "a comma that is missing",
    '{\n  "job": "a"\n  "type": "batch" }',
    '3:3: JSON: expected "," or "}", this is "\\""\n  hint: add the comma',
  ],
  [
    "single quotes",
    "{ 'job': 1 }",
    `1:3: JSON: expected a name in double quotes or "}", this is "'"
  hint: JSON quotes texts with double quotes`,
  ],
  [
    "a name without quotes",
    "{ job: 1 }",
    `1:3: JSON: expected a name in double quotes or "}", this is "job"
  hint: texts and names stand in double quotes`,
  ],
  [
    "a comment",
    '{ // what\n  "job": "a" }',
    `1:3: JSON: expected a name in double quotes or "}", this is "/"
  hint: JSON has no comments; a file that ends in .yaml may have them, after #`,
  ],
  [
    "a number that is none",
    '{ "job": 007 }',
    `1:10: job: JSON: expected a value, this is "007"
  hint: write the number as in 12, -3 or 0.5, anything else in double quotes`,
  ],
  [
    "another language's word",
    '{ "job": None }',
    '1:10: job: JSON: expected a value, this is "None"\n  hint: JSON knows true, false and null',
  ],
  [
    "a file that ends too early",
    '{ "job": [',
    "1:11: job: JSON: the file ends too early; the [ of line 1 is not closed",
  ],
  ["a text that ends too early", '{ "job', '1:3: JSON: this text is not closed\n  hint: add the missing "'],
  [
    "a line break in a text",
    '{ "job": "a\n" }',
    '1:12: job: JSON: a control character in a text\n  hint: add the missing " or write a line break as \\n',
  ],
  [
    "an escape that is none",
    '{ "job": "\\x" }',
    `1:10: job: JSON: a bad escape in a text
  hint: an escape is one of \\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u with four hexadecimal digits`,
  ],
  [
    "a key that is there twice",
    '{ "job": "a", "groups": { "b": { "tasks": { "c": { "driver": "p" } } } },\n  "job": "b" }',
    '2:3: job: "job" is there twice; first in line 1\n  hint: keep one of the two',
  ],
];

const FOREIGN: readonly BadInput[] = [
  [
    "Nomad's HCL",
    '# a job\n\njob "shop" {\n  group "web" {}\n}',
    `1:1: not supported yet: Nomad's HCL\n  hint: ${OWN_FORM}`,
  ],
  ["Nomad's JSON", '{ "Job": { "ID": "a" } }', `1:1: not supported yet: Nomad's JSON\n  hint: ${OWN_FORM}`],
  [
    "a Compose file",
    "services:\n  web: { image: nginx }",
    `1:1: not supported yet: Compose files\n  hint: ${OWN_FORM}`,
  ],
  [
    "a Kubernetes manifest",
    "apiVersion: v1\nkind: Pod",
    `1:1: not supported yet: Kubernetes manifests\n  hint: ${OWN_FORM}`,
  ],
];

describe("what is no YAML", () => {
  for (const [name, text, says] of [...BAD_YAML, ...BAD_MAPS]) {
    test(name, () => assert.equal(problemsOf(text, "job.yaml"), says));
  }
});

describe("what is no JSON", () => {
  for (const [name, text, says] of BAD_JSON) {
    test(name, () => assert.equal(problemsOf(text, "job.json"), says));
  }
});

describe("job files of other systems", () => {
  for (const [name, text, says] of FOREIGN) {
    test(name, () => assert.equal(problemsOf(text, "job"), says));
  }
});

describe("what is too much", () => {
  /** Bombs and mazes: each costs the parser little and says why it was refused. */
  const inputs: readonly (readonly [name: string, text: string, says: string])[] = [
    ["a large file", `job: ${"a".repeat(2 ** 20)}`, "the file is larger than 1 MiB"],
    ["a large file of few characters", `job: ${"€".repeat(400_000)}`, "the file is larger than 1 MiB"],
    ["many lists", "[".repeat(2 ** 20), "the file has more than 50000 YAML tokens"],
    ["some lists", "[".repeat(9_000), "is nested too deeply"],
    ["nested lists", `job: ${"[".repeat(41)}${"]".repeat(41)}`, "is nested deeper than 40 levels"],
    [
      "nested blocks",
      Array.from({ length: 60 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n"),
      "is nested deeper than 40 levels",
    ],
    ["many brackets that close nothing", "}".repeat(2 ** 20), "the file has more than 50000 YAML tokens"],
    ["many documents", "---\n".repeat(2 ** 18), "the file has more than 50000 YAML tokens"],
    ["aliases of aliases", bomb(10, 9), "the file has more than 50000 values"],
    [
      "aliases of a long text",
      `job: &a ${"x".repeat(9_000)}\nmeta: [ ${"*a, ".repeat(200)} ]`,
      "the file holds more than 1 MiB of text",
    ],
    ["aliases that reach deep", ladder(4, 15), "is nested deeper than 40 levels"],
  ];
  for (const [name, text, says] of inputs) {
    test(name, () => {
      const parsed = parseJobFile(text);
      assert.ok(!parsed.ok);
      assert.equal(parsed.error.at(-1)?.message, says);
    });
  }

  test("many values in JSON", () => {
    const parsed = parseJobFile(`[${"1,".repeat(60_000)}1]`, { format: "json" });
    assert.equal(!parsed.ok && parsed.error[0]?.message, "the file has more than 50000 values");
  });

  test("JSON that is nested", () => {
    const parsed = parseJobFile('{"a":'.repeat(100_000), { format: "json" });
    assert.equal(!parsed.ok && parsed.error[0]?.message, "is nested deeper than 40 levels");
  });

  test("a value that holds itself", () => {
    const value: Record<string, unknown> = { job: "a" };
    value["groups"] = value;
    const parsed = parseJobValue(value);
    assert.equal(!parsed.ok && parsed.error[0]?.message, "is nested deeper than 40 levels");
  });

  test("a value that is not of JSON", () => {
    for (const odd of [undefined, () => 1, 1n, new Date(0), new Map(), Symbol.iterator]) {
      const parsed = parseJobValue({ job: odd ?? new Set() });
      assert.ok(!parsed.ok);
      assert.match(parsed.error[0]?.message ?? "", /^is not a JSON value but a /);
    }
  });
});

/** Each level repeats the one before `width` times. */
function bomb(width: number, levels: number): string {
  const lines = ["a0: &a0 x"];
  for (let level = 1; level <= levels; level += 1) {
    lines.push(
      `a${level}: &a${level} [ ${Array.from({ length: width }, () => `*a${level - 1}`).join(", ")} ]`,
    );
  }
  return lines.join("\n");
}

/** Each rung is `height` lists deep and holds the rung before. */
function ladder(rungs: number, height: number): string {
  const lines = ["a0: &a0 x"];
  for (let rung = 1; rung <= rungs; rung += 1) {
    lines.push(`a${rung}: &a${rung} ${"[ ".repeat(height)}*a${rung - 1}${" ]".repeat(height)}`);
  }
  return lines.join("\n");
}
