import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { PeerError } from "../../../federation/index.ts";
import {
  DATA_FORMAT,
  type DirectoryWorld,
  dataDirectoryCandidates,
  dataDirectoryPath,
  openDataDirectory,
} from "../../../node/data/data-directory.ts";
import { createCrypto } from "../../../node/host/crypto.ts";
import { createDisk } from "../../../node/host/disk.ts";
import { type MachineAccess, systemAccess } from "../../../node/host/machine.ts";

const crypto = createCrypto();
const isWindows = process.platform === "win32";
const ID = "0123456789abcdef0123456789abcdef";

/** The machine that the tests run on, with an id that they choose. */
function machine(id: string | undefined = ID, changes: Partial<MachineAccess> = {}): MachineAccess {
  const real = systemAccess();
  return {
    ...real,
    platform: "linux",
    readText: (file) =>
      file === "/etc/machine-id" ? id : file.includes("machine-id") ? undefined : real.readText(file),
    ...changes,
  };
}

function open(directory: string, access: MachineAccess = machine()) {
  return openDataDirectory({
    path: directory,
    bootId: "boot",
    machine: access,
    crypto,
    openDisk: createDisk,
  });
}

async function inTemporary(run: (directory: string) => Promise<void>): Promise<void> {
  const temporary = await mkdtemp(path.join(os.tmpdir(), "peer-data-"));
  try {
    await run(path.join(temporary, "deep", "data"));
  } finally {
    await rm(temporary, { recursive: true });
  }
}

async function refusal(promise: Promise<unknown>): Promise<PeerError> {
  const error = await promise.then(
    () => assert.fail("was not refused"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PeerError, String(error));
  assert.ok(error.hint !== undefined && error.hint.length > 10, "says what to do");
  return error;
}

function world(platform: NodeJS.Platform, changes: Partial<DirectoryWorld> = {}): DirectoryWorld {
  const homeDirectory = platform === "win32" ? "C:\\Users\\ann" : "/homes/ann";
  return { platform, privileged: false, environment: {}, homeDirectory, ...changes };
}

test("each platform's usual place, the system's for root and the user's for others", () => {
  const root = { privileged: true };
  const cases: readonly [DirectoryWorld, string][] = [
    [world("linux", root), "/var/lib/peer"],
    [world("darwin", root), "/Library/Application Support/peer"],
    [world("win32", root), "C:\\ProgramData\\peer"],
    [world("win32", { ...root, environment: { ProgramData: "D:\\Shared" } }), "D:\\Shared\\peer"],
    [world("linux"), "/homes/ann/.local/share/peer"],
    [world("linux", { environment: { XDG_DATA_HOME: "/data/ann" } }), "/data/ann/peer"],
    [world("linux", { environment: { XDG_DATA_HOME: "relative" } }), "/homes/ann/.local/share/peer"],
    [world("darwin"), "/homes/ann/Library/Application Support/peer"],
    [
      world("darwin", { environment: { XDG_DATA_HOME: "/data/ann" } }),
      "/homes/ann/Library/Application Support/peer",
    ],
    [world("win32"), "C:\\Users\\ann\\AppData\\Local\\peer"],
    [world("win32", { environment: { LOCALAPPDATA: "E:\\Local" } }), "E:\\Local\\peer"],
  ];
  for (const [where, expected] of cases) assert.equal(dataDirectoryPath(undefined, where), expected);
});

test("--data goes before $PEER_DATA, which goes before the usual place", () => {
  const set = world("linux", { environment: { PEER_DATA: "/from/environment" } });
  assert.equal(dataDirectoryPath("/from/flag", set), "/from/flag");
  assert.equal(dataDirectoryPath(undefined, set), "/from/environment");
  assert.equal(dataDirectoryPath("here", set), path.posix.resolve("here"));
  assert.throws(() => dataDirectoryPath("", set), PeerError);
  assert.throws(
    () => dataDirectoryPath(undefined, world("linux", { environment: { PEER_DATA: "" } })),
    PeerError,
  );
  assert.throws(() => dataDirectoryPath(undefined, world("linux", { homeDirectory: undefined })), PeerError);
});

test("clients look where the likeliest peer is", () => {
  const user = { platform: "linux", homeDirectory: "/homes/ann", isRoot: false } as const;
  const own = ["/homes/ann/.local/share/peer", "/var/lib/peer"];
  assert.deepEqual(dataDirectoryCandidates({}, user), own);
  assert.deepEqual(dataDirectoryCandidates({}, { ...user, isRoot: true }), own.toReversed());
  assert.deepEqual(dataDirectoryCandidates({ PEER_DATA: "/data" }, user), ["/data"]);
  assert.ok(dataDirectoryCandidates(process.env).length > 0);
});

test("a new directory is made for its user alone, and found again", () =>
  inTemporary(async (directory) => {
    const first = await open(directory);
    assert.equal(first.created, true);
    assert.equal(first.path, directory);
    if (!isWindows) assert.equal((await stat(directory)).mode & 0o777, 0o700);
    await first.disk.write("token", new Uint8Array([1]));
    await first.release();
    const second = await open(directory);
    assert.equal(second.created, false);
    assert.deepEqual(await second.disk.read("token"), new Uint8Array([1]));
    await second.release();
  }));

test("a second peer is told who runs on it", () =>
  inTemporary(async (directory) => {
    const first = await open(directory);
    const error = await refusal(open(directory));
    assert.equal(error.code, "conflict");
    assert.match(error.message, new RegExp(`process ${process.pid}`));
    await first.release();
    await (await open(directory)).release();
  }));

test("what others may write or read is refused", { skip: isWindows }, () =>
  inTemporary(async (directory) => {
    const first = await open(directory);
    await first.disk.write("identity/key", new Uint8Array([1]));
    await first.release();
    for (const mode of [0o777, 0o770, 0o722]) {
      await chmod(directory, mode);
      const error = await refusal(open(directory));
      assert.equal(error.code, "forbidden");
      assert.match(error.hint ?? "", /chmod 700/);
    }
    await chmod(directory, 0o755);
    await chmod(path.join(directory, "identity/key"), 0o644);
    const error = await refusal(open(directory));
    assert.equal(error.code, "forbidden");
    assert.match(error.hint ?? "", /chmod 600/);
    await chmod(path.join(directory, "identity/key"), 0o600);
    await (await open(directory)).release();
  }),
);

test("another user's directory is refused, root's with a word on sudo", { skip: isWindows }, () =>
  inTemporary(async (directory) => {
    await (await open(directory)).release();
    const owner = (await stat(directory)).uid;
    const error = await refusal(open(directory, machine(ID, { userId: () => owner + 1000 })));
    assert.equal(error.code, "forbidden");
    assert.match(error.message, owner === 0 ? /belongs to root/ : /belongs to user/);
    assert.match(error.hint ?? "", owner === 0 ? /sudo/ : /that user/);
  }),
);

test("what is something else's is not filled with a peer's files", () =>
  inTemporary(async (directory) => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await mkdir(path.join(directory, "lost+found"));
    await writeFile(path.join(directory, "holiday.jpg"), "");
    const error = await refusal(open(directory));
    assert.equal(error.code, "bad_request");
    assert.deepEqual(await readdir(directory), ["holiday.jpg", "lost+found"]);
    await rm(path.join(directory, "holiday.jpg"));
    await writeFile(path.join(directory, ".format.json.tmp"), "left by a crash");
    const opened = await open(directory);
    assert.equal(opened.created, true);
    await opened.release();
  }));

test("a file, and a place inside one, are no directories", () =>
  inTemporary(async (directory) => {
    await mkdir(path.dirname(directory), { recursive: true });
    await writeFile(directory, "");
    assert.equal((await refusal(open(directory))).code, "bad_request");
    assert.equal((await refusal(open(path.join(directory, "inside")))).code, "bad_request");
  }));

test("a newer format is refused, a damaged one as well; the lock is given back", () =>
  inTemporary(async (directory) => {
    await (await open(directory)).release();
    const file = path.join(directory, "format.json");
    assert.deepEqual(JSON.parse(await readFile(file, "utf8")), { format: DATA_FORMAT });
    await writeFile(file, JSON.stringify({ format: DATA_FORMAT + 1 }));
    const newer = await refusal(open(directory));
    assert.equal(newer.code, "not_supported");
    assert.match(newer.hint ?? "", /newer release/);
    for (const text of ["", "null", "{}", '{"format":"1"}', '{"format":0}', "\ufffd{"]) {
      await writeFile(file, text);
      assert.equal((await refusal(open(directory))).code, "damaged", text);
    }
    await writeFile(file, JSON.stringify({ format: DATA_FORMAT }));
    await (await open(directory)).release();
  }));

test("a copy of another machine's directory is refused until told that it is the only one", () =>
  inTemporary(async (directory) => {
    await (await open(directory)).release();
    assert.ok(
      !(await readFile(path.join(directory, "machine"), "utf8")).includes(ID),
      "the id itself is not kept",
    );
    const elsewhere = machine("fedcba9876543210fedcba9876543210");
    const error = await refusal(open(directory, elsewhere));
    assert.equal(error.code, "conflict");
    assert.match(error.message, /copy of another machine's/);
    assert.match(error.hint ?? "", /moved disk/);
    await rm(path.join(directory, "machine"));
    await (await open(directory, elsewhere)).release();
    assert.equal((await refusal(open(directory))).code, "conflict");
  }));

test("a machine without an id is not bound, and one that has it later is", () =>
  inTemporary(async (directory) => {
    await (await open(directory, machine(""))).release();
    assert.ok(!(await readdir(directory)).includes("machine"));
    await (await open(directory)).release();
    assert.ok((await readdir(directory)).includes("machine"));
    await (await open(directory, machine(""))).release();
  }));

test("on Windows a new directory is cut off from what it inherits", () =>
  inTemporary(async (directory) => {
    const commands: string[] = [];
    const answers = (whoami: string | undefined, icacls: string | undefined): Partial<MachineAccess> => ({
      platform: "win32",
      userId: () => undefined,
      run(file, args) {
        commands.push([path.win32.basename(file), ...args].join(" "));
        return file.endsWith("whoami.exe") ? whoami : file.endsWith("icacls.exe") ? icacls : undefined;
      },
    });
    const user = '"ws\\ann","S-1-5-21-1-2-3-1001"\r\n';
    await refusal(open(directory, machine(undefined, answers(user, undefined))));
    await refusal(open(directory, machine(undefined, answers(undefined, "ok"))));
    commands.length = 0;
    await (await open(directory, machine(undefined, answers(user, "ok")))).release();
    assert.equal(
      commands.find((command) => command.startsWith("icacls")),
      `icacls.exe ${directory} /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F ` +
        "/grant:r *S-1-5-32-544:(OI)(CI)F " +
        "/grant:r *S-1-5-21-1-2-3-1001:(OI)(CI)F",
    );
    commands.length = 0;
    await (await open(directory, machine(undefined, answers(user, "ok")))).release();
    assert.ok(!commands.some((command) => command.startsWith("icacls")), "an existing one is left as it is");
  }));
