import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  counted,
  formatAge,
  formatAgo,
  formatBytes,
  formatCores,
  formatCoresUsed,
  formatDuration,
  plainText,
  shortId,
} from "../../../node/cli/format.ts";
import { type Column, cut, fieldLines, Table } from "../../../node/cli/table.ts";

const columns: readonly Column[] = [
  { header: "id" },
  { header: "name", isFlexible: true },
  { header: "note" },
];
const length = (line: string) => [...line].length;

describe("a table", () => {
  test("has columns as wide as their widest cell, and nothing after the last", () => {
    const rows = [
      ["a1", { text: "running", style: "green" as const }, "x"],
      ["b22", "failed", ""],
    ];
    assert.deepEqual(new Table(columns, { isColoured: false }).lines(rows), [
      "ID   NAME     NOTE",
      "a1   running  x",
      "b22  failed",
    ]);
    assert.deepEqual(new Table(columns, { isColoured: true }).lines(rows), [
      "ID   NAME     NOTE",
      "a1   \u001b[32mrunning\u001b[0m  x",
      "b22  failed",
    ]);
  });

  test("comes in batches that only widen its columns", () => {
    const table = new Table(columns, { isColoured: false });
    assert.deepEqual(table.lines([["1", "a", "x"]]), ["ID  NAME  NOTE", "1   a     x"]);
    assert.deepEqual(table.lines([["22222", "b", "y"]]), ["22222  b     y"]);
    assert.deepEqual(table.lines([["3", "c", "z"]]), ["3      c     z"]);
  });

  test("without rows still has headers", () => {
    assert.deepEqual(new Table([{ header: "a" }, { header: "b" }], { isColoured: false }).lines([]), [
      "A  B",
    ]);
  });

  test("takes from its flexible columns where the terminal is narrow", () => {
    const rows = [["0123456789", "a-name-that-is-long", "end"]];
    const lines = new Table(columns, { isColoured: false, width: 30 }).lines(rows);
    assert.deepEqual(lines, ["ID          NAME          NOTE", "0123456789  a-name-that…  end"]);
  });

  test("ends at the terminal's edge when that does not suffice, but for what is shown whole", () => {
    const rows = [["0123456789", "name", "a long note"]];
    assert.deepEqual(new Table(columns, { isColoured: false, width: 20 }).lines(rows), [
      "ID          NAME  N…",
      "0123456789  name  a…",
    ]);
    const whole = columns.map((column) => (column.header === "note" ? { ...column, isWhole: true } : column));
    assert.equal(
      new Table(whole, { isColoured: false, width: 20 }).lines(rows)[1],
      "0123456789  name  a long note",
    );
  });

  test("is never wider than the terminal, whatever it holds, and whole through a pipe", () => {
    const cell = fc.string({ unit: "grapheme", maxLength: 30 });
    const rows = fc.array(fc.tuple(cell, cell, cell), { maxLength: 5 });
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 100 }), (cells, width) => {
        const cutLines = new Table(columns, { isColoured: false, width }).lines(cells);
        assert.ok(cutLines.every((line) => length(line) <= width));
        const lines = new Table(columns, { isColoured: false }).lines(cells).slice(1);
        for (const [index, row] of cells.entries()) {
          for (const text of row) assert.ok(lines[index]?.includes(plainText(text).trimEnd()));
        }
      }),
    );
  });

  test("lets no control character of a cell through", () => {
    const [, line] = new Table(columns, { isColoured: false }).lines([["\u001b[2J", "a\nb", "\u0007"]]);
    assert.equal(line, " [2J  a b");
  });
});

test("fields have names of one width", () => {
  const pairs = [
    ["A", "1"],
    ["Long", { text: "2", style: "red" as const }],
    ["None", ""],
  ] as const;
  assert.deepEqual(fieldLines(pairs, false), ["A     1", "Long  2", "None"]);
  assert.deepEqual(fieldLines(pairs, true)[1], "Long  \u001b[31m2\u001b[0m");
  assert.deepEqual(fieldLines([], false), []);
});

test("what is cut says so", () => {
  assert.deepEqual([cut("abc", 3), cut("abcd", 3), cut("abc", 1), cut("abc", 0)], ["abc", "ab…", "…", ""]);
});

describe("values as people read them", () => {
  test("sizes, in the units of job files", () => {
    const cases: readonly (readonly [number, string])[] = [
      [0, "0B"],
      [1023, "1023B"],
      [1024, "1KiB"],
      [1536, "1.5KiB"],
      [64 * 1024 ** 2, "64MiB"],
      [300 * 1024 ** 2, "300MiB"],
      [1024 ** 3 - 1, "1GiB"],
      [5.55 * 1024 ** 4, "5.5TiB"],
      [2048 * 1024 ** 4, "2048TiB"],
    ];
    for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
  });

  test("cores", () => {
    assert.deepEqual([0, 100, 1500, 2000].map(formatCores), ["0", "0.1", "1.5", "2"]);
    assert.deepEqual([0, 7.2, 1500].map(formatCoresUsed), ["0.00", "0.01", "1.50"]);
  });

  test("durations and ages, of two units at the most", () => {
    const cases: readonly (readonly [number, string])[] = [
      [-5, "0s"],
      [59_999, "59s"],
      [3 * 60_000 + 5_000, "3m5s"],
      [3_600_000, "1h0m"],
      [26 * 3_600_000, "1d2h"],
    ];
    for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
    const time = "2026-01-02T03:04:05.000Z";
    assert.equal(formatAge(time, Date.parse(time) + 61_000), "1m1s");
    assert.equal(formatAgo(time, Date.parse(time) + 61_000), "1m1s ago");
    assert.deepEqual([formatAge(null, 0), formatAgo(undefined, 0)], ["-", "-"]);
  });

  test("ids and counts", () => {
    assert.equal(shortId("0123456789"), "01234567");
    assert.deepEqual(
      [counted(0, "task"), counted(1, "task"), counted(2, "task")],
      ["0 tasks", "1 task", "2 tasks"],
    );
  });
});
