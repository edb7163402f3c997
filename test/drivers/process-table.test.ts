/** Who belongs to a task, by the rows of a process table; and the rows, by what each platform prints. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { parseStat } from "../../drivers/keeper/system/linux.ts";
import { type ProcessRow, selectTree } from "../../drivers/keeper/system/process-table.ts";
import { createPsTable, MACOS_PS, parseClock, parseRows } from "../../drivers/keeper/system/ps.ts";
import { createWindowsTable, parseProcesses } from "../../drivers/keeper/system/windows.ts";

const RUN = "a".repeat(32);
const SELF = 50;

function row(pid: number, parent: number, more: Partial<ProcessRow> = {}): ProcessRow {
  return { pid, parent, group: 0, session: 0, startTime: "100", cpuSeconds: 0, residentBytes: 0, ...more };
}

const pidsOf = (rows: readonly ProcessRow[]): number[] => rows.map((each) => each.pid).sort((a, b) => a - b);
const main = { pid: 100, startTime: "100" };

describe("select tree", () => {
  test("marked ones, the main one, its group and session, and all below them", () => {
    const rows = [
      row(1, 0),
      row(SELF, 1),
      row(100, SELF),
      row(101, 100),
      row(102, 101),
      row(200, 1, { run: RUN }),
      row(201, 200),
      row(300, 1, { group: 100 }),
      row(301, 1, { session: 100 }),
      row(400, 1),
      row(401, 1, { run: "b".repeat(32) }),
    ];
    assert.deepEqual(pidsOf(selectTree(rows, RUN, main, SELF)), [100, 101, 102, 200, 201, 300, 301]);
  });

  test("a number that was given to a stranger is not believed, nor are its group and children", () => {
    const rows = [
      row(100, 1, { startTime: "500" }),
      row(101, 100, { startTime: "501", group: 100 }),
      row(102, 1, { startTime: "502", session: 100 }),
      row(103, 1, { startTime: "110", run: RUN }),
    ];
    assert.deepEqual(pidsOf(selectTree(rows, RUN, main, SELF)), [103]);
  });

  test("orphans on Windows keep their parent's number: only those of the dead main one count", () => {
    const orphans = [row(101, 100, { startTime: "150" }), row(102, 101, { startTime: "160" })];
    const older = row(99, 100, { startTime: "90" });
    assert.deepEqual(pidsOf(selectTree([older, ...orphans], RUN, main, SELF)), [101, 102]);
    const successor = [row(100, 1, { startTime: "200" }), row(103, 100, { startTime: "210" })];
    assert.deepEqual(pidsOf(selectTree([older, ...orphans, ...successor], RUN, main, SELF)), [101, 102]);
  });

  test("whatever the table says: never the keeper, process 1 or a stranger's tree", async () => {
    const pid = fc.integer({ min: 1, max: 60 });
    const anyRow = fc.record({
      pid,
      parent: fc.integer({ min: 0, max: 60 }),
      group: fc.integer({ min: 0, max: 60 }),
      session: fc.integer({ min: 0, max: 60 }),
      startTime: fc.integer({ min: 0, max: 5 }).map(String),
      cpuSeconds: fc.constant(0),
      residentBytes: fc.constant(0),
      run: fc.constantFrom(RUN, "other"),
    });
    const table = fc.uniqueArray(anyRow, { selector: (each) => each.pid, maxLength: 40 });
    await fc.assert(
      fc.property(
        table,
        fc.option(fc.record({ pid, startTime: fc.constant("3") }), { nil: undefined }),
        (rows, of) => {
          const chosen = selectTree(rows, RUN, of, SELF);
          assert.ok(chosen.every((each) => each.pid !== SELF && each.pid !== 1));
          for (const each of rows) {
            if (each.run === RUN && each.pid !== SELF && each.pid !== 1) assert.ok(chosen.includes(each));
          }
          const strangers = rows.map((each) => ({ ...each, run: "other" }));
          assert.deepEqual(selectTree(strangers, RUN, undefined, SELF), []);
        },
      ),
    );
  });
});

describe("process rows", () => {
  test("a line of /proc, whatever the process calls itself", () => {
    const rest = "S 7 12 13 34816 12 4194560 100 0 0 0 150 50 25 75 20 0 1 0 987654 1000 200";
    for (const name of ["sh", "a b", ") R 1 1", "((", "new\nline"]) {
      assert.deepEqual(parseStat(`42 (${name}) ${rest}`), {
        pid: 42,
        parent: 7,
        group: 12,
        session: 13,
        startTime: "987654",
        cpuSeconds: 3,
        residentBytes: 0,
      });
    }
    assert.equal(parseStat(`42 (sh) ${rest.replace(/^S/, "Z")}`), undefined);
    // Its main thread has ended, two others work.
    assert.ok(parseStat(`42 (sh) ${rest.replace(/^S/, "Z").replace("20 0 1 0", "20 0 3 0")}`) !== undefined);
  });

  test("ps of macOS", async () => {
    const rows = [
      "    1     0     1 Ss    18464   1:02.53 Thu Nov 20 16:22:01 2025    ",
      "  501     1   501 S      2048   0:00.01 Fri Nov 21 09:00:00 2025    ",
      "  502   501   501 Z         0   0:00.00 Fri Nov 21 09:00:01 2025    ",
    ].join("\n");
    const marked = [
      "    1 /sbin/launchd",
      `  501 /bin/sh -c exec server PATH=/usr/bin:/bin PEER_TASK_RUN=${RUN} HOME=/var/empty dir`,
    ].join("\n");
    const asked: string[] = [];
    const table = await createPsTable((file, args) => {
      asked.push([file, ...args].join(" "));
      if (file === "sysctl") return Promise.resolve("8D2C7E0A-0000\n");
      if (args.includes("-p")) return Promise.reject(new Error("exit code 1"));
      return Promise.resolve(args[0] === "-axEww" ? marked : rows);
    }, MACOS_PS);
    assert.equal(table.bootId, "8D2C7E0A-0000");
    assert.equal(await table.row(9), undefined);
    const list = await table.list();
    assert.deepEqual(pidsOf(list), [1, 501]);
    assert.equal(list[1]?.run, RUN);
    assert.equal(list[1]?.startTime, String(Date.UTC(2025, 10, 21, 9) / 1000));
    assert.equal(list[1]?.residentBytes, 2048 * 1024);
    assert.equal(list[0]?.cpuSeconds, 62.53);
    assert.ok(asked.includes("sysctl -n kern.bootsessionuuid"));
  });

  test("times of ps", () => {
    assert.equal(parseClock("0:00.01"), 0.01);
    assert.equal(parseClock("12:34"), 754);
    assert.equal(parseClock("1:00:00"), 3600);
    assert.equal(parseClock("2-01:00:01"), 2 * 86_400 + 3601);
    assert.equal(parseClock("?"), 0);
    assert.deepEqual(parseRows("nonsense\n\n"), []);
  });

  test("the management interface of Windows", async () => {
    const one = (pid: number, parent: number, start: number) =>
      `{"ProcessId":${pid},"ParentProcessId":${parent},"KernelModeTime":10000000,"UserModeTime":5000000,` +
      `"WorkingSetSize":4096,"Start":${start}}`;
    const many = `[${one(0, 0, 0)},${one(4, 0, 1700000000000)},${one(500, 4, 1700000005000)}]\r\n`;
    assert.deepEqual(pidsOf(parseProcesses(many)), [0, 4, 500]);
    assert.deepEqual(parseProcesses(""), []);
    const table = await createWindowsTable((_file, args) => {
      const script = args.at(-1) ?? "";
      if (script.includes("ProcessId=4'")) return Promise.resolve(one(4, 0, 1700000000000));
      return Promise.resolve(script.includes("ProcessId=") ? "" : many);
    });
    assert.equal(table.bootId, "1700000000000");
    assert.equal(await table.row(77), undefined);
    const last = (await table.list()).at(-1);
    assert.deepEqual([last?.cpuSeconds, last?.residentBytes, last?.startTime], [1.5, 4096, "1700000005000"]);
  });
});
