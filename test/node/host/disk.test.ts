import assert from "node:assert/strict";
import * as files from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type ErrorCode, PeerError } from "../../../federation/index.ts";
import { createDisk, type DiskSystem } from "../../../node/host/disk.ts";
import { diskContract } from "../../contract/disk.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const isWindows = process.platform === "win32";

async function withRoot(run: (root: string) => Promise<void>): Promise<void> {
  const root = await files.mkdtemp(join(tmpdir(), "peer-disk-"));
  try {
    await run(root);
  } finally {
    await files.rm(root, { recursive: true, force: true });
  }
}

async function underTest(system?: DiskSystem) {
  const root = await files.mkdtemp(join(tmpdir(), "peer-disk-"));
  return {
    disk: createDisk(root, system),
    reopen: () => createDisk(root, system),
    dispose: () => files.rm(root, { recursive: true, force: true }),
  };
}

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: simulated`), { code });
}

const is = (code: ErrorCode) => (error: unknown) => {
  assert.ok(error instanceof PeerError, String(error));
  assert.equal(error.code, code);
  return true;
};

const machine: DiskSystem = { platform: process.platform, files, delay: async () => undefined };

/**
 * This machine's files as Windows would have them: no handle of a folder, and a rename that fails now and
 * then.
 */
function windows(refusals: readonly string[] = []): DiskSystem & { readonly delays: number[] } {
  const left = [...refusals];
  const delays: number[] = [];
  return {
    platform: "win32",
    files: {
      ...files,
      open: async (path, flags, mode) => {
        const facts = await files.lstat(path).catch(() => undefined);
        if (facts?.isDirectory()) throw failure("EISDIR");
        return files.open(path, flags, mode);
      },
      rename: async (from, to) => {
        const code = left.shift();
        if (code !== undefined) throw failure(code);
        return files.rename(from, to);
      },
    },
    delay: async (durationMs) => {
      delays.push(durationMs);
    },
    delays,
  };
}

diskContract("real disk", () => underTest());
diskContract("real disk as on Windows", () => underTest(windows()));

describe("real disk", () => {
  test("only this user can read what it makes", { skip: isWindows }, async () => {
    await withRoot(async (root) => {
      const disk = createDisk(root);
      await disk.write("a/b/secret", bytes(1));
      await (await disk.open("a/c/log")).close();
      const mode = async (path: string) => (await files.stat(join(root, path))).mode & 0o777;
      assert.equal(await mode("a"), 0o700);
      assert.equal(await mode("a/b"), 0o700);
      assert.equal(await mode("a/b/secret"), 0o600);
      assert.equal(await mode("a/c/log"), 0o600);
    });
  });

  test("symbolic links are refused, as file and as folder", { skip: isWindows }, async () => {
    await withRoot(async (root) => {
      const outside = await files.mkdtemp(join(tmpdir(), "peer-outside-"));
      try {
        await files.writeFile(join(outside, "file"), "theirs");
        await files.symlink(outside, join(root, "folder"));
        await files.symlink(join(outside, "file"), join(root, "link"));
        const disk = createDisk(root);
        for (const path of ["folder/file", "link"]) {
          await assert.rejects(disk.read(path), is("forbidden"));
          await assert.rejects(disk.open(path), is("forbidden"));
        }
        await assert.rejects(disk.write("folder/new", bytes(1)), is("forbidden"));
        await assert.rejects(disk.remove("folder/file"), is("forbidden"));
        await assert.rejects(disk.list("folder"), is("forbidden"));
        await disk.write("link", bytes(1));
        await disk.remove("folder");
        assert.equal(await files.readFile(join(outside, "file"), "utf8"), "theirs");
        assert.deepEqual(await disk.read("link"), bytes(1));
      } finally {
        await files.rm(outside, { recursive: true, force: true });
      }
    });
  });

  test("what a crash left half written is removed before the folder is used, and never listed", async () => {
    await withRoot(async (root) => {
      await files.mkdir(join(root, "d"));
      await files.writeFile(join(root, "d", ".f.tmp"), "half");
      await files.writeFile(join(root, "d", ".other"), "not ours");
      await files.writeFile(join(root, "d", "f"), "whole");
      const disk = createDisk(root);
      assert.deepEqual(await disk.list("d"), ["f"]);
      assert.deepEqual((await files.readdir(join(root, "d"))).sort(), [".other", "f"]);
    });
  });

  test("a write that fails leaves the old file and no temporary one", async () => {
    await withRoot(async (root) => {
      const broken: DiskSystem = {
        ...machine,
        files: { ...files, rename: async () => Promise.reject(failure("ENOSPC")) },
      };
      await createDisk(root).write("f", bytes(1));
      const disk = createDisk(root, broken);
      await assert.rejects(disk.write("f", bytes(2)), is("disk_full"));
      assert.deepEqual(await files.readdir(root), ["f"]);
      assert.deepEqual(await disk.read("f"), bytes(1));
    });
  });

  test("each write is synced, renamed, and its folder synced, in that order", {
    skip: isWindows,
  }, async () => {
    await withRoot(async (root) => {
      const calls: string[] = [];
      const watched: DiskSystem = {
        ...machine,
        files: {
          ...files,
          open: async (path, flags, mode) => {
            const handle = await files.open(path, flags, mode);
            const name = String(path).slice(root.length) || "/";
            const { datasync, sync } = handle;
            handle.sync = async () => {
              calls.push(`sync ${name}`);
              await sync.call(handle);
            };
            handle.datasync = async () => {
              calls.push(`datasync ${name}`);
              await datasync.call(handle);
            };
            return handle;
          },
          rename: async (from, to) => {
            calls.push(`rename ${String(to).slice(root.length)}`);
            await files.rename(from, to);
          },
          rm: async (path, options) => {
            calls.push(`rm ${String(path).slice(root.length)}`);
            await files.rm(path, options);
          },
        },
      };
      const disk = createDisk(root, watched);
      const during = async (run: () => Promise<unknown>) => {
        calls.length = 0;
        await run();
        return [...calls];
      };
      assert.deepEqual(await during(() => disk.write("a/f", bytes(1))), [
        "sync /",
        "sync /",
        "sync /a",
        "sync /a/.f.tmp",
        "rename /a/f",
        "sync /a",
      ]);
      const file = await disk.open("a/g");
      assert.deepEqual(await during(() => disk.open("a/h").then((each) => each.close())), ["sync /a"]);
      assert.deepEqual(await during(() => file.writeAt(0, bytes(1))), []);
      assert.deepEqual(await during(() => file.sync()), ["datasync /a/g"]);
      assert.deepEqual(await during(() => file.resize(10)), ["sync /a/g"]);
      assert.deepEqual(await during(() => disk.remove("a/f")), ["rm /a/f", "sync /a"]);
      await file.close();
      const next = createDisk(root, watched);
      assert.deepEqual(await during(() => next.read("a/g")), ["sync /", "sync /a"]);
      assert.deepEqual(await during(() => next.read("a/g")), []);
    });
  });

  test("space that can't be reserved whole is given back", async () => {
    await withRoot(async (root) => {
      let budgetBytes = 2_500_000;
      const small: DiskSystem = {
        ...machine,
        files: {
          ...files,
          open: async (path, flags, mode) => {
            const handle = await files.open(path, flags, mode);
            const write = handle.write.bind(handle) as (
              ...given: unknown[]
            ) => Promise<{ bytesWritten: number }>;
            const limited = async (data: Uint8Array, from: number, length: number, at: number) => {
              if (length > budgetBytes) throw failure("ENOSPC");
              budgetBytes -= length;
              return write(data, from, length, at);
            };
            return Object.assign(handle, { write: limited });
          },
        },
      };
      const file = await createDisk(root, small).open("f");
      await file.writeAt(0, bytes(1, 2, 3));
      await assert.rejects(file.resize(4_000_000), is("disk_full"));
      assert.equal(await file.size(), 3);
      assert.deepEqual(await file.readAt(0, 9), bytes(1, 2, 3));
      await file.close();
    });
  });

  test("errors of the system name the file and what to do", async () => {
    const codes: [string, ErrorCode][] = [
      ["ENOSPC", "disk_full"],
      ["EDQUOT", "disk_full"],
      ["EROFS", "unavailable"],
      ["EACCES", "forbidden"],
      ["EIO", "damaged"],
      ["EMFILE", "unavailable"],
    ];
    await withRoot(async (root) => {
      for (const [code, expected] of codes) {
        const open = async () => Promise.reject(failure(code));
        const disk = createDisk(root, { ...machine, platform: "win32", files: { ...files, open } });
        await assert.rejects(disk.open("d/f"), (error) => {
          assert.ok(is(expected)(error) && error instanceof PeerError);
          assert.match(error.message, /^d\/f: /);
          assert.ok(error.hint !== undefined);
          return true;
        });
      }
    });
  });

  test("the root must be there", async () => {
    const disk = createDisk(join(tmpdir(), "peer-disk-that-is-not-there"));
    await assert.rejects(disk.read("f"), is("internal"));
  });
});

describe("real disk as on Windows", () => {
  test("a rename that is refused for a moment is tried again, with longer and longer breaks", async () => {
    await withRoot(async (root) => {
      const system = windows(["EPERM", "EBUSY", "EACCES"]);
      const disk = createDisk(root, system);
      await disk.write("f", bytes(1));
      assert.deepEqual(await disk.read("f"), bytes(1));
      assert.deepEqual(system.delays, [8, 16, 32]);
    });
  });

  test("in the end it gives up, and leaves nothing behind", async () => {
    await withRoot(async (root) => {
      const disk = createDisk(root, windows(Array.from({ length: 8 }, () => "EPERM")));
      await assert.rejects(disk.write("f", bytes(1)), is("forbidden"));
      assert.deepEqual(await files.readdir(root), []);
    });
  });

  test("elsewhere a refused rename is final", { skip: isWindows }, async () => {
    await withRoot(async (root) => {
      const rename = async () => Promise.reject(failure("EPERM"));
      const disk = createDisk(root, { ...machine, files: { ...files, rename } });
      await assert.rejects(disk.write("f", bytes(1)), is("forbidden"));
    });
  });

  test("names of devices and dots at the end are refused", async () => {
    await withRoot(async (root) => {
      const disk = createDisk(root, windows());
      for (const path of ["con", "d/NUL.txt", "COM1", "aux/f", "f."]) {
        await assert.rejects(disk.write(path, bytes(1)), is("bad_request"), path);
      }
      await disk.write("console", bytes(1));
    });
  });
});
