/** Commands about versions and plans of a job, against the API over a socket: what they print and return. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { stringify } from "yaml";
import type { AllocationId, NodeId } from "../../../../federation/index.ts";
import { formatJobFile, parseJobFile } from "../../../../node/jobfile/index.ts";
import { FakeService, TOKEN, world } from "../../api/fixture.ts";
import { allocation, FULL, group, job, node, spec, type Tables } from "../../api/tables.ts";
import { type RunResult, run as runHere } from "../support/terminal.ts";

const shop = spec();
const [first] = job().versions;
assert.ok(first !== undefined);
const larger = spec({ priority: 60, groups: [group({ count: 3, meta: { a: "b" } })] });
const history = job({
  versions: [
    first,
    { ...first, number: 2, spec: larger, index: 7 },
    { ...first, number: 3, operation: "stop", spec: larger, index: 8 },
    { ...first, number: 4, spec: spec({ priority: 60 }), index: 9 },
  ],
  modifyIndex: 9,
});
const tables: Tables = {
  ...FULL,
  jobs: [history],
  allocations: [
    allocation({ version: 4 }),
    allocation({ id: "alloc-3333-4444" as AllocationId, version: 4, index: 1, ports: { http: 20_002 } }),
  ],
};

type Run = (...argv: readonly string[]) => Promise<RunResult>;

/** A peer that listens, and a way to call it. */
async function peer(
  context: TestContext,
  rows: Tables = tables,
): Promise<{ service: FakeService; run: Run }> {
  const { app, service } = world(new FakeService(rows), { format: { parseJobFile, formatJobFile } });
  context.after(() => app.close());
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const run: Run = (...argv) => runHere([...argv, "--addr", new URL(url).host, "--token", TOKEN]);
  return { service, run };
}

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "peer-cli-"));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function fileOf(context: TestContext, content: object | string): string {
  const path = join(folder(context), "shop.yaml");
  writeFileSync(path, typeof content === "string" ? content : stringify(content));
  return path;
}

describe("peer job plan", () => {
  test("shows the change as a tree, what becomes of each instance, how to submit it", async (context) => {
    const { run } = await peer(context);
    const changed = spec({
      priority: 60,
      groups: [group({ count: 1, meta: { a: "b" }, ports: [], services: [] })],
    });
    const path = fileOf(context, formatJobFile(changed));
    const { code, stdout } = await run("job", "plan", path);
    assert.equal(
      stdout,
      `+/- job shop, version 4 => 5
+/-   groups
+/-     web
+/-       count: 2 => 1
+         meta
+           a: "b"
-         network
-           ports
-             http: {}
-         services
-           shop
-             name: "shop"
-             port: "http"
-             tags: ["blue"]

GROUP  PLACE  REPLACE  UPDATE  KEEP  STOP  UNPLACED
web    0      1        0       0     1     0

Placed:
INSTANCE  NODE  PORTS  IN PLACE OF
web[0]    one   -      alloc-11

Stopped:
ALLOC     INSTANCE  NODE  WHY
alloc-33  web[1]    one   scaled down to 1
alloc-11  web[0]    one   replaced by version 5

To submit what is planned here: peer job run --check-index 9 ${path}
`,
    );
    assert.equal(code, 1);
  });

  test("says of each node why it is taken or not, when asked", async (context) => {
    const { run } = await peer(context);
    const path = fileOf(context, formatJobFile(spec({ priority: 60, groups: [group({ count: 3 })] })));
    const { stdout } = await run("job", "plan", "-v", path);
    const [, explained = ""] = stdout.split("\n\ngroup ");
    assert.match(explained, /^web: 1 of 1 nodes can take one more\nNODE +INSTANCES +SCORE +PACKING /);
    assert.match(explained, /\none +2 +-?\d\.\d{3} +\d\.\d{3} +-1\.000 +- +-\n/);
    assert.equal((await run("job", "plan", path)).stdout.includes("can take one more"), false);
  });

  test("of what runs as it is says so and ends with 0", async (context) => {
    const { run } = await peer(context);
    const { code, stdout } = await run("job", "plan", fileOf(context, formatJobFile(spec({ priority: 60 }))));
    assert.deepEqual([code, stdout], [0, "job shop runs as version 4: nothing to change\n"]);
  });

  test("of a new job that does not fit says why", async (context) => {
    const { run } = await peer(context, { nodes: [node({ status: "down" })] });
    const { code, stdout } = await run("job", "plan", fileOf(context, formatJobFile(shop)));
    assert.equal(code, 1);
    assert.match(stdout, /^\+ {3}job shop, version 1\n\+ {5}job: "shop"\n/);
    assert.match(
      stdout,
      /\nWithout a place:\n {4}group web: 2 without a place: node down \(1 of 1 nodes\)\n/,
    );
    assert.match(stdout, /peer job run --check-index 0 /);
  });

  test("ends with 255 where there is no plan, and with 64 where it was called wrongly", async (context) => {
    const { run } = await peer(context);
    const bad = await run("job", "plan", fileOf(context, "job: shop\ngroups: 1\n"));
    assert.equal(bad.code, 255);
    assert.match(bad.stderr, /shop\.yaml:2:9: groups: must be a map of groups by name/);
    assert.equal((await run("job", "plan", "/nowhere/x.yaml")).code, 255);
    assert.equal((await run("job", "plan")).code, 64);
  });

  test("gives all of it as JSON", async (context) => {
    const { run } = await peer(context);
    const { code, stdout } = await run("job", "plan", fileOf(context, formatJobFile(larger)), "--json");
    assert.equal(code, 1);
    assert.equal((JSON.parse(stdout) as { check_index: number }).check_index, 9);
  });
});

describe("peer explain", () => {
  test("says what keeps nodes from taking one more", async (context) => {
    const cordoned = node({ id: "node-bbbb-2" as NodeId, name: "two", eligible: false });
    const { run } = await peer(context, { ...tables, nodes: [node(), cordoned] });
    const { code, stdout: out } = await run("explain", "shop");
    assert.equal(code, 0);
    assert.match(out, /^group web: 1 of 2 nodes can take one more\n/);
    assert.match(out, /\ntwo +0 +- +- +- +- +- +node not eligible\n$/);
    const json = JSON.parse((await run("explain", "shop", "--json")).stdout) as {
      groups: { excluded: object }[];
    };
    assert.deepEqual(json.groups[0]?.excluded, { "node not eligible": 1 });
    const ofAllocation = await run("explain", "alloc-33");
    assert.deepEqual([ofAllocation.code, ofAllocation.stdout], [0, out]);
    const none = await run("explain", "none");
    assert.deepEqual(
      [none.code, none.stderr.split("\n")[0]],
      [1, "error: no allocation or job begins with none"],
    );
  });
});

describe("versions of a job", () => {
  test("history lists them, newest first, with what each changed", async (context) => {
    const { run } = await peer(context);
    const { stdout } = await run("job", "history", "shop");
    assert.equal(
      stdout,
      `VERSION  OPERATION  AGE  BY        INDEX  TAGS  CHANGES
4        run        0s   operator  9      -     groups.web.count, groups.web.meta.a
3        stop       0s   operator  8      -     none
2        run        0s   operator  7      -     priority, groups.web.count, groups.web.meta.a
1        run        0s   operator  5      -     -
`,
    );
    assert.equal((await run("job", "history", "shop", "-q")).stdout, "4\n3\n2\n1\n");
  });

  test("history -p shows each change in full", async (context) => {
    const { run } = await peer(context);
    const { stdout } = await run("job", "history", "shop", "-p");
    assert.equal(
      stdout,
      `+/- job shop, version 1 => 2
+/-   priority: 50 => 60
+/-   groups
+/-     web
+/-       count: 2 => 3
+         meta
+           a: "b"
    job shop, version 2 => 3: stopped
+/- job shop, version 3 => 4
+/-   groups
+/-     web
+/-       count: 3 => 2
-         meta
-           a: "b"
`,
    );
  });

  test("diff compares the newest two, one with the newest, or two", async (context) => {
    const { run } = await peer(context);
    const title = async (...versions: readonly string[]) =>
      (await run("job", "diff", "shop", ...versions)).stdout.split("\n")[0];
    assert.equal(await title(), "+/- job shop, version 3 => 4");
    assert.equal(await title("1"), "+/- job shop, version 1 => 4");
    assert.equal(await title("2", "1"), "+/- job shop, version 2 => 1");
    assert.equal(await title("2", "3"), "job shop, version 2 => 3: nothing differs");
    const missing = await run("job", "diff", "shop", "9");
    assert.deepEqual(
      [missing.code, missing.stderr],
      [1, "error: job shop has no version 9\n  next: it keeps 1, 2, 3, 4\n"],
    );
    const untagged = await run("job", "diff", "shop", "one");
    assert.deepEqual(
      [untagged.code, untagged.stderr],
      [1, "error: job shop has no tag one\n  next: it keeps 1, 2, 3, 4\n"],
    );
    assert.equal((await run("job", "diff", "none")).code, 1);
  });

  test("diff of a job with one version says so", async (context) => {
    const { run } = await peer(context, FULL);
    const { code, stderr } = await run("job", "diff", "shop");
    assert.equal(code, 1);
    assert.match(stderr, /has one version: there is nothing to compare it with/);
  });
});

describe("changes to a job by name", () => {
  test("revert submits an earlier version", async (context) => {
    const { run, service } = await peer(context);
    const { code, stdout } = await run("job", "revert", "shop", "1", "-d");
    assert.deepEqual([code, stdout], [0, "==> job shop version 2 (admitted)\n"]);
    assert.deepEqual(service.submitted, shop);
    const stop = await run("job", "revert", "shop", "3", "-d");
    assert.equal(stop.code, 1);
    assert.match(stop.stderr, /next: kept versions to run again: 1, 2, 4\n/);
    const untagged = await run("job", "revert", "shop", "x");
    assert.deepEqual(
      [untagged.code, untagged.stderr],
      [1, "error: job shop has no tag x\n  next: it has none: `peer job tag NAME shop`\n"],
    );
  });

  test("scale changes the count, of the only group or of the one named", async (context) => {
    const { run, service } = await peer(context);
    assert.equal((await run("job", "scale", "shop", "7", "-d")).code, 0);
    assert.deepEqual(service.calls.at(-1), {
      call: "scaleJob",
      wish: { namespace: "default", job: "shop", count: 7 },
      options: { submittedBy: "operator" },
    });
    assert.equal((await run("job", "scale", "shop", "web", "8", "-d", "--check-index", "9")).code, 0);
    assert.deepEqual(service.calls.at(-1), {
      call: "scaleJob",
      wish: { namespace: "default", job: "shop", group: "web", count: 8 },
      options: { submittedBy: "operator", checkIndex: 9 },
    });
    const wrong = await run("job", "scale", "shop", "many");
    assert.deepEqual(
      [wrong.code, wrong.stderr],
      [64, "error: many is no count\n  next: usage: peer job scale JOB [GROUP] COUNT\n"],
    );
  });
});

describe("tags", () => {
  test("name a version, or the present one, and are taken away", async (context) => {
    const { run, service } = await peer(context);
    const named = await run("job", "tag", "stable", "shop", "2", "--description", "known good");
    assert.deepEqual([named.code, named.stdout], [0, "==> job shop: stable is version 2 (admitted)\n"]);
    const present = await run("job", "tag", "stable", "shop");
    assert.equal(present.stdout, "==> job shop: stable is its present version (admitted)\n");
    const gone = await run("job", "tag", "--remove", "stable", "shop");
    assert.equal(gone.stdout, "==> job shop: stable is no tag any more (admitted)\n");
    const wish = { namespace: "default", job: "shop", name: "stable" };
    const wishes = service.calls.map((call) => (call as { wish: object }).wish);
    assert.deepEqual(wishes, [
      { ...wish, version: 2, description: "known good" },
      wish,
      { ...wish, remove: true },
    ]);
    assert.equal((await run("job", "tag", "--remove", "stable", "shop", "2")).code, 64);
  });

  test("are listed", async (context) => {
    const { run } = await peer(context);
    assert.match((await run("job", "tags", "shop")).stderr, /^no tags; `peer job tag NAME shop` names/);
  });
});

describe("peer job init", () => {
  test("writes a job file that is right, once", async (context) => {
    const { run } = await peer(context);
    const path = join(folder(context), "new.yaml");
    assert.equal((await run("job", "init", path)).code, 0);
    const text = readFileSync(path, "utf8");
    const parsed = parseJobFile(text);
    assert.ok(parsed.ok, JSON.stringify(parsed));
    assert.deepEqual(parsed.value.warnings, []);
    assert.equal(parsed.value.spec.id, "example");
    writeFileSync(path, "mine");
    const again = await run("job", "init", path);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /is there already\n {2}next: name another file, or - to print the example\n/);
    assert.equal(readFileSync(path, "utf8"), "mine");
    assert.equal((await run("job", "init", "-")).stdout, text);
    assert.equal((await run("job", "init", join(path, "x.yaml"))).code, 1);
  });

  test("what stands in comments is right too", async (context) => {
    const { run } = await peer(context);
    const text = (await run("job", "init", "-")).stdout.replaceAll(
      /^( *)# (constraints:| {2}- \{ attribute|spread:)/gm,
      "$1$2",
    );
    const parsed = parseJobFile(text);
    assert.ok(parsed.ok, JSON.stringify(parsed));
    assert.equal(parsed.value.spec.constraints?.length, 1);
    assert.equal(parsed.value.spec.groups[0]?.spreads?.length, 1);
  });
});
