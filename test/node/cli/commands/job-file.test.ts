/** What people are told about the job files that they give. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { FILE_BYTES_MAX } from "../../../../node/cli/submission/job-file.ts";
import { ok, refused } from "../support/fake-api.ts";
import { receipt } from "../support/rows.ts";
import { run, runWith } from "../support/terminal.ts";

const YAML = "job: shop\ngroups:\n  web:\n    cuont: 2\n    tasks:\n      app: { driver: docker }\n";
const unknown = {
  path: "groups.web.cuont",
  message: 'unknown field "cuont"; did you mean "count"?',
  line: 4,
  column: 5,
  hint: "a group has count, meta",
};

let root = "";

function file(name: string, content: string | Uint8Array): string {
  const path = join(root, name);
  writeFileSync(path, content);
  return path;
}

/** What is printed for a file, its folder left out. */
async function told(path: string, answer: Parameters<typeof refused>, argv = ["job", "validate"]) {
  const script = { "POST /v1/validate": refused(...answer), "POST /v1/jobs": refused(...answer) };
  const result = await runWith(script, [...argv, path]);
  return { ...result, stderr: result.stderr.replaceAll(`${root}/`, "") };
}

describe("job files", () => {
  before(() => {
    root = mkdtempSync(join(tmpdir(), "peer-job-file-"));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  test("are sent as they are, by their kind", async () => {
    const script = { "POST /v1/validate": ok({ valid: true, warnings: [] }) };
    const yaml = await runWith(script, ["job", "validate", file("a.yaml", "job: ü\n")]);
    assert.equal(yaml.stdout, `${root}/a.yaml is valid\n`);
    assert.deepEqual(
      [yaml.requests[0]?.headers["content-type"], yaml.requests[0]?.body],
      ["application/yaml", "job: ü\n"],
    );
    const json = await runWith(script, ["job", "validate", file("a.JSON", "\ufeff{}"), "--json"]);
    assert.deepEqual(
      [json.requests[0]?.headers["content-type"], json.requests[0]?.body],
      ["application/json", "{}"],
    );
    assert.deepEqual(JSON.parse(json.stdout), { valid: true, warnings: [] });
    const stdin = await runWith(script, ["job", "validate", "-"], { stdin: "job: x\n" });
    assert.deepEqual([stdin.stdout, stdin.requests[0]?.body], ["standard input is valid\n", "job: x\n"]);
    assert.equal((await runWith(script, ["job", "validate", "-q", file("b.yaml", "x")])).stdout, "");
  });

  test("with one problem show its line and the place in it, once", async () => {
    const { code, stderr } = await told(file("shop.yaml", YAML), [
      400,
      "invalid_job",
      'line 4, column 5: groups.web.cuont: unknown field "cuont"; did you mean "count"?',
      { hint: unknown.hint, details: [unknown] },
    ]);
    assert.equal(
      stderr,
      `error: shop.yaml has 1 problem, in line 4
  shop.yaml:4:5: groups.web.cuont: unknown field "cuont"; did you mean "count"?
    4 |     cuont: 2
      |     ^
    hint: a group has count, meta
`,
    );
    assert.equal(code, 1);
  });

  test("with several show them all, those without a line too", async () => {
    const driver = { path: "groups.web.tasks.app.driver", message: "no driver docker here" };
    const answer: Parameters<typeof refused> = [
      400,
      "invalid_job",
      "bad (and 1 more)",
      { details: [unknown, driver] },
    ];
    const whole = YAML.replace("cuont: 2", "count: 2");
    const { stderr } = await told(file("shop.yaml", whole), answer, ["run"]);
    assert.match(stderr, /^error: shop\.yaml has 2 problems, the first in line 4\n/);
    assert.match(stderr, /shop\.yaml:6:14: groups\.web\.tasks\.app\.driver: no driver docker here\n/);
    assert.match(stderr, /\n {4}6 \| {7}app: \{ driver: docker \}\n/);
  });

  test("in JSON have lines as well, whatever the peer sees of them", async () => {
    const text =
      '{\n\t"job": "shop",\n\t"groups": { "web": { "tasks": { "app": { "driver": "docker" } } } }\n}\n';
    const driver = { path: "groups.web.tasks.app.driver", message: "no driver docker here" };
    const located = await told(file("shop.json", text), [400, "invalid_job", "bad", { details: [driver] }]);
    assert.match(located.stderr, /^error: shop\.json has 1 problem, in line 3\n {2}shop\.json:3:43: groups/);
    const broken = await told(file("broken.json", '{\n  "job": }'), [
      400,
      "bad_request",
      "body: not JSON: at 11",
    ]);
    assert.match(broken.stderr, /^error: broken\.json has 1 problem, in line 2\n {2}broken\.json:2:10: /);
    assert.equal(broken.code, 1);
  });

  test("stay JSON for programs", async () => {
    const { stdout, stderr } = await told(
      file("shop.yaml", YAML),
      [400, "invalid_job", "bad", { details: [unknown] }],
      [...["job", "validate", "--json"]],
    );
    assert.equal(stderr, "");
    const { error } = JSON.parse(stdout);
    assert.equal(error.code, "invalid_job");
    assert.deepEqual(error.details, [unknown]);
  });

  test("that are refused for another reason say only that", async () => {
    const { stderr } = await told(file("shop.yaml", YAML), [
      413,
      "too_large",
      "the body is larger",
      { hint: "1 MiB" },
    ]);
    assert.equal(stderr, "error: the body is larger\n  next: 1 MiB\n");
    const odd = await told(file("fine.yaml", YAML.replace("cuont", "count")), [
      400,
      "bad_request",
      "query.namespace: odd",
    ]);
    assert.equal(odd.stderr, "error: query.namespace: odd\n");
  });

  test("that are accepted with a doubt show that", async () => {
    const warnings = [{ path: "groups.web.count", message: "is large", line: 4, column: 5 }];
    const script = { "POST /v1/jobs": ok(receipt({ warnings })) };
    const { stdout, stderr } = await runWith(script, ["run", "-d", file("shop.yaml", YAML)]);
    assert.equal(stdout, "==> job shop version 1 (admitted)\n");
    assert.equal(
      stderr,
      `warning: ${root}/shop.yaml:4:5: groups.web.count: is large\n  4 |     cuont: 2\n    |     ^\n`,
    );
  });

  test("that can't be read say why", async () => {
    mkdirSync(join(root, "folder"), { recursive: true });
    const cases: readonly (readonly [string, RegExp])[] = [
      [
        join(root, "absent.yaml"),
        /can't read .*absent\.yaml: there is no such file\n {2}next: give the path/,
      ],
      [join(root, "folder"), /can't read .*folder: it is a folder\n/],
      [
        file("large.yaml", "x".repeat(FILE_BYTES_MAX + 1)),
        /large\.yaml is larger than 1 MiB\n {2}next: a job file holds no data/,
      ],
      [file("latin.yaml", Uint8Array.of(0x6a, 0xfc, 0x0a)), /latin\.yaml is no UTF-8 text\n/],
      [
        file("utf16.yaml", Uint8Array.of(0xff, 0xfe, 0x6a, 0)),
        /utf16\.yaml is UTF-16 text\n {2}next: save it as UTF-8/,
      ],
      ["-", /standard input is empty\n/],
    ];
    for (const [path, pattern] of cases) {
      const { code, stderr } = await run(["job", "validate", path]);
      assert.equal(code, 1);
      assert.match(stderr, pattern);
    }
  });

  test("are typed at a terminal, until Ctrl-D or Ctrl-C", async () => {
    const silent = Object.assign(new Readable({ read: () => undefined }), { isTTY: true });
    const { code, stdout, stderr } = await run(["run", "-"], {
      stdin: silent,
      interruptAt: "Ctrl-D ends it",
    });
    assert.deepEqual([code, stdout], [130, ""]);
    assert.equal(stderr, "reading the job file from the terminal; Ctrl-D ends it\n");
    assert.ok(silent.destroyed);
  });

  test("are looked at before a peer is started, so that nothing is half done", async () => {
    const data = join(root, "data-of-no-peer");
    const { code, stderr } = await run(["start", "--data", data, "--run", file("shop.yaml", YAML)]);
    assert.equal(code, 1);
    assert.match(stderr, /shop\.yaml has 1 problem, in line 4\n/);
    assert.throws(() => mkdirSync(join(data, "token")), { code: "ENOENT" });
  });
});
