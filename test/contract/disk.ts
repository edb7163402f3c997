/** What every Disk does, the real one and the lab's. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Disk, type ErrorCode, PeerError } from "../../federation/index.ts";

export interface DiskUnderTest {
  readonly disk: Disk;
  /** The same files as a process that starts now sees them. */
  reopen(): Disk;
  dispose(): Promise<void>;
}

const bytes = (...values: number[]) => Uint8Array.from(values);
const filled = (length: number, value: number) => new Uint8Array(length).fill(value);
const is = (code: ErrorCode) => (error: unknown) => {
  assert.ok(error instanceof PeerError, String(error));
  assert.equal(error.code, code);
  return true;
};

const UNSAFE_PATHS = [
  "",
  ".",
  "..",
  "/etc/passwd",
  "../outside",
  "folder/../../outside",
  "folder//file",
  "folder/",
  "folder\\file",
  ".hidden",
  "folder/.hidden",
  "C:file",
  "nul\0byte",
  "new\nline",
  "a b",
  "ä",
  `${"n".repeat(201)}`,
  Array.from({ length: 17 }, () => "d").join("/"),
];

export function diskContract(name: string, make: () => Promise<DiskUnderTest>): void {
  const check = (title: string, run: (under: DiskUnderTest) => Promise<void>) =>
    test(title, async () => {
      const under = await make();
      try {
        await run(under);
      } finally {
        await under.dispose();
      }
    });

  describe(`${name}: whole files`, () => {
    check("a file that is not there reads as undefined", async ({ disk }) => {
      assert.equal(await disk.read("nothing"), undefined);
      assert.equal(await disk.read("no/folder/either"), undefined);
    });

    check("what was written is read, also by the next process", async ({ disk, reopen }) => {
      await disk.write("a/b/c", bytes(1, 2, 3));
      await disk.write("empty", bytes());
      assert.deepEqual(await disk.read("a/b/c"), bytes(1, 2, 3));
      const next = reopen();
      assert.deepEqual(await next.read("a/b/c"), bytes(1, 2, 3));
      assert.deepEqual(await next.read("empty"), bytes());
    });

    check("a write replaces the whole file", async ({ disk }) => {
      await disk.write("f", filled(100_000, 1));
      await disk.write("f", bytes(9));
      assert.deepEqual(await disk.read("f"), bytes(9));
    });

    check("a file gets another name, in place of what had it", async ({ disk, reopen }) => {
      await disk.write("a/old", bytes(1));
      await disk.write("a/new", bytes(2, 2));
      await disk.rename("a/old", "a/new");
      assert.deepEqual(await disk.list("a"), ["new"]);
      assert.deepEqual(await reopen().read("a/new"), bytes(1));
      await disk.rename("a/new", "a/other");
      assert.deepEqual(await reopen().list("a"), ["other"]);
      await assert.rejects(disk.rename("a/none", "a/other"), is("not_found"));
      await assert.rejects(disk.rename("a/other", "b"), is("bad_request"));
      await assert.rejects(disk.rename("a/other", "../b"), PeerError);
      assert.deepEqual(await disk.read("a/other"), bytes(1));
    });

    check("writes of one file at a time leave one of them whole", async ({ disk }) => {
      const values = [1, 2, 3, 4, 5, 6, 7, 8];
      await Promise.all(values.map((value) => disk.write("one/f", filled(70_000, value))));
      const found = await disk.read("one/f");
      assert.equal(found?.length, 70_000);
      assert.equal(new Set(found).size, 1);
      assert.deepEqual(await disk.list("one"), ["f"]);
    });

    check("writes into a new folder at a time all arrive", async ({ disk }) => {
      const names = Array.from({ length: 20 }, (_, at) => `n${at}`);
      await Promise.all(names.map((each, at) => disk.write(`new/deep/${each}`, bytes(at))));
      assert.deepEqual(await disk.list("new/deep"), names.toSorted());
    });

    check("later changes to the bytes that were given change nothing", async ({ disk }) => {
      const data = bytes(1, 2, 3);
      await disk.write("f", data);
      data[0] = 9;
      assert.deepEqual(await disk.read("f"), bytes(1, 2, 3));
    });
  });

  describe(`${name}: folders`, () => {
    check("list gives sorted names of files and folders, nothing for no folder", async ({ disk }) => {
      assert.deepEqual(await disk.list("x"), []);
      for (const path of ["x/b", "x/B", "x/a.1", "x/10", "x/9", "x/sub/deep", "y/other"]) {
        await disk.write(path, bytes(1));
      }
      assert.deepEqual(await disk.list("x"), ["10", "9", "B", "a.1", "b", "sub"]);
      assert.deepEqual(await disk.list("x/sub"), ["deep"]);
    });

    check("remove takes a file or a whole folder, and nothing is fine", async ({ disk, reopen }) => {
      for (const path of ["x/a", "x/ab", "x/a.b/c", "xy"]) await disk.write(path, bytes(1));
      await disk.remove("x/a");
      await disk.remove("x/never");
      await disk.remove("never/x");
      assert.deepEqual(await reopen().list("x"), ["a.b", "ab"]);
      await disk.remove("x");
      assert.deepEqual(await disk.list("x"), []);
      assert.deepEqual(await reopen().read("xy"), bytes(1));
      await disk.write("x/again", bytes(2));
      assert.deepEqual(await disk.list("x"), ["again"]);
    });

    check("a file is no folder and a folder no file", async ({ disk }) => {
      await disk.write("f", bytes(1));
      await disk.write("d/f", bytes(1));
      await assert.rejects(disk.write("f/below", bytes(1)), is("conflict"));
      await assert.rejects(disk.open("f/below"), is("conflict"));
      await assert.rejects(disk.write("d", bytes(1)), is("conflict"));
      await assert.rejects(disk.read("d"), is("conflict"));
      await assert.rejects(disk.open("d"), is("conflict"));
      assert.deepEqual(await disk.read("d/f"), bytes(1));
      assert.deepEqual(await disk.list("d"), ["f"]);
    });

    check("no path leads out of the directory", async ({ disk }) => {
      for (const path of UNSAFE_PATHS) {
        await assert.rejects(async () => disk.read(path), is("bad_request"), JSON.stringify(path));
        await assert.rejects(async () => disk.write(path, bytes(1)), is("bad_request"), JSON.stringify(path));
        await assert.rejects(async () => disk.list(path), is("bad_request"), JSON.stringify(path));
        await assert.rejects(async () => disk.remove(path), is("bad_request"), JSON.stringify(path));
        await assert.rejects(async () => disk.open(path), is("bad_request"), JSON.stringify(path));
      }
    });

    check("free space is a number of bytes", async ({ disk }) => {
      assert.ok((await disk.freeBytes()) > 0);
    });
  });

  describe(`${name}: open files`, () => {
    check("open makes an empty file, and keeps one that is there", async ({ disk, reopen }) => {
      const file = await disk.open("log/1");
      assert.equal(await file.size(), 0);
      await file.writeAt(0, bytes(1, 2, 3));
      await file.sync();
      await file.close();
      const again = await reopen().open("log/1");
      assert.equal(await again.size(), 3);
      assert.deepEqual(await again.readAt(0, 3), bytes(1, 2, 3));
      await again.close();
      assert.deepEqual(await disk.list("log"), ["1"]);
    });

    check("reads are short only at the end", async ({ disk }) => {
      const file = await disk.open("f");
      await file.writeAt(0, bytes(1, 2, 3, 4));
      assert.deepEqual(await file.readAt(1, 2), bytes(2, 3));
      assert.deepEqual(await file.readAt(2, 100), bytes(3, 4));
      assert.deepEqual(await file.readAt(4, 1), bytes());
      assert.deepEqual(await file.readAt(100, 1), bytes());
      await file.close();
    });

    check("writes extend the file, with zeros in a gap", async ({ disk }) => {
      const file = await disk.open("f");
      await file.writeAt(5, bytes(7));
      assert.deepEqual(await file.readAt(0, 10), bytes(0, 0, 0, 0, 0, 7));
      await file.writeAt(1, bytes(1, 2));
      assert.deepEqual(await file.readAt(0, 10), bytes(0, 1, 2, 0, 0, 7));
      await file.close();
    });

    check("resize reserves zeros and cuts", async ({ disk, reopen }) => {
      const file = await disk.open("f");
      await file.writeAt(0, bytes(1, 2, 3));
      await file.resize(3_000_000);
      assert.equal(await file.size(), 3_000_000);
      assert.deepEqual(await file.readAt(2_999_998, 10), bytes(0, 0));
      assert.deepEqual(await file.readAt(0, 5), bytes(1, 2, 3, 0, 0));
      await file.resize(2);
      await file.resize(4);
      await file.close();
      assert.deepEqual(await reopen().read("f"), bytes(1, 2, 0, 0));
    });

    check("two handles of one file see each other's writes", async ({ disk }) => {
      const one = await disk.open("f");
      const other = await disk.open("f");
      await one.writeAt(0, bytes(5, 6));
      assert.deepEqual(await other.readAt(0, 2), bytes(5, 6));
      await one.close();
      await other.writeAt(2, bytes(7));
      await other.close();
      assert.deepEqual(await disk.read("f"), bytes(5, 6, 7));
    });

    check("writes are not torn by other writes at the same time", async ({ disk }) => {
      const file = await disk.open("f");
      await Promise.all(Array.from({ length: 50 }, (_, at) => file.writeAt(at * 100, filled(100, at))));
      await file.sync();
      for (let at = 0; at < 50; at += 1) assert.deepEqual(await file.readAt(at * 100, 100), filled(100, at));
      await file.close();
    });
  });
}
