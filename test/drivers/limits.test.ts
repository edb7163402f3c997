/** What the keeper writes into control groups, on a directory that stands for their hierarchy. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Limits, limitControllers } from "../../drivers/keeper/system/limits.ts";

function inHierarchy(
  controllers: string,
  check: (mount: string, read: (path: string) => string) => void,
): void {
  const mount = fs.mkdtempSync(join(tmpdir(), "peer-limits-"));
  try {
    fs.writeFileSync(join(mount, "cgroup.controllers"), `${controllers}\n`);
    for (const run of ["a", "b", "c"]) fs.mkdirSync(join(mount, "peer", run), { recursive: true });
    fs.writeFileSync(join(mount, "peer", "cpuset.cpus.effective"), "0-2,5\n");
    const read = (path: string) => {
      const file = join(mount, path);
      return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim() : "none";
    };
    check(mount, read);
  } finally {
    fs.rmSync(mount, { recursive: true, force: true });
  }
}

test("reserved cores are the run's alone, and everybody's again when it has ended", () => {
  inHierarchy("cpuset cpu io memory", (mount, read) => {
    assert.deepEqual(limitControllers(mount), ["cpuset", "memory"]);
    const limits = new Limits(mount, join(mount, "peer"));
    const cores = () => ["a", "b", "c"].map((run) => read(`peer/${run}/cpuset.cpus`));
    limits.set("a", {});
    assert.deepEqual(cores(), ["none", "none", "none"], "nothing is written where nobody reserves any");
    limits.set("b", { cores: [1, 5] });
    assert.deepEqual(cores(), ["0,2", "1,5", "0,2"]);
    limits.set("c", { cores: [0] });
    assert.deepEqual(cores(), ["2", "1,5", "0"]);
    limits.set("b", {});
    assert.deepEqual(cores(), ["2", "1,5", "0"], "a command beside a task changes nothing");
    limits.release("b");
    assert.deepEqual(cores(), ["1,2,5", "1,2,5", "0"]);
    limits.release("c");
    assert.deepEqual(cores(), ["", "", ""]);
    assert.equal(read("cgroup.subtree_control"), "+memory");
  });
});

test("memory ends where it is said, with the controllers switched on before", () => {
  inHierarchy("memory", (mount, read) => {
    const limits = new Limits(mount, join(mount, "peer"));
    limits.set("a", { memoryMaxBytes: 2 ** 28 });
    assert.deepEqual([read("peer/a/memory.max"), read("peer/b/memory.max")], [String(2 ** 28), "none"]);
    assert.deepEqual(
      [read("cgroup.subtree_control"), read("peer/cgroup.subtree_control")],
      ["+memory", "+memory"],
    );
  });
});

test("where there are no control groups, nothing happens", () => {
  const limits = new Limits("/nowhere", "/nowhere/peer");
  limits.set("a", { cores: [0], memoryMaxBytes: 1 });
  limits.release("a");
  assert.deepEqual(limitControllers("/nowhere"), []);
});
