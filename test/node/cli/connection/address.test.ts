import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { CommandError } from "../../../../node/cli/command.ts";
import {
  findTarget,
  parseAddress,
  reachable,
  type TargetFlags,
  usualDirectories,
} from "../../../../node/cli/connection/address.ts";

const NONE: TargetFlags = { addr: undefined, token: undefined, data: undefined };
const isRoot = process.geteuid?.() === 0;

let root = "";

/** A data directory as a peer leaves it: with a token, and with an address while it runs. */
function directory(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

const api = (address: string) => JSON.stringify({ address, pid: 1 });
const find = (
  flags: Partial<TargetFlags>,
  env: Record<string, string>,
  directories: readonly string[] = [],
) => findTarget({ ...NONE, ...flags }, env, async () => directories);
const refuseToLook = () => Promise.reject(new Error("the directories were looked at"));

describe("where the API is", () => {
  before(() => {
    root = mkdtempSync(join(tmpdir(), "peer-address-"));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  test("flags come before the environment, and both before data directories", async () => {
    const env = { PEER_ADDR: "10.0.0.1:1", PEER_TOKEN: "env" };
    const byFlag = await findTarget({ ...NONE, addr: "10.0.0.2:2", token: "flag" }, env, refuseToLook);
    assert.deepEqual([byFlag.host, byFlag.port, byFlag.token], ["10.0.0.2", 2, "flag"]);
    const byEnvironment = await findTarget(NONE, env, refuseToLook);
    assert.deepEqual([byEnvironment.host, byEnvironment.port, byEnvironment.token], ["10.0.0.1", 1, "env"]);
  });

  test("the first data directory with a running peer is taken, though others hold a token", async () => {
    const user = directory("user", { token: "user-token" });
    const system = directory("system", { token: "system-token\n", "api.json": api("127.0.0.1:8001") });
    const target = await find({}, {}, [user, system]);
    assert.deepEqual([target.host, target.port, target.token], ["127.0.0.1", 8001, "system-token"]);
    assert.equal(target.stopped, undefined);
  });

  test("--data and PEER_DATA name the only one", async () => {
    const one = directory("one", { token: "one-token", "api.json": api("127.0.0.1:8002") });
    const two = directory("two", { token: "two-token", "api.json": api("127.0.0.1:8003") });
    assert.equal(
      (await findTarget({ ...NONE, data: one }, { PEER_DATA: two }, refuseToLook)).token,
      "one-token",
    );
    assert.equal((await findTarget(NONE, { PEER_DATA: two }, refuseToLook)).port, 8003);
  });

  test("where no peer runs nobody is asked, who might take the token", async () => {
    const stopped = directory("stopped", { token: "stopped-token" });
    for (const target of [await find({}, {}, [stopped]), await find({ data: stopped }, {})]) {
      assert.equal(target.stopped, stopped);
      assert.equal(target.token, undefined);
    }
    assert.equal((await find({ data: join(root, "absent") }, {})).stopped, join(root, "absent"));
  });

  test("without any directory it is the usual address, without a token", async () => {
    const target = await find({}, {}, [join(root, "absent")]);
    assert.deepEqual(
      [target.host, target.port, target.token, target.stopped],
      ["127.0.0.1", 7337, undefined, undefined],
    );
    assert.match(target.tokenHint, /PEER_TOKEN.*--data/);
  });

  test("a directory's token goes to its own peer and to this machine, nowhere else", async () => {
    const own = directory("own", { token: "own-token", "api.json": api("10.1.1.1:7337") });
    assert.equal((await find({ addr: "10.1.1.1:7337" }, {}, [own])).token, "own-token");
    assert.equal((await find({ addr: "127.0.0.1:9" }, {}, [own])).token, "own-token");
    assert.equal((await find({ addr: "evil.example:7337" }, {}, [own])).token, undefined);
    assert.equal((await find({}, { PEER_ADDR: "10.1.1.1:9" }, [own])).token, undefined);
    assert.equal((await find({ addr: "10.9.9.9:1", data: own }, {})).token, "own-token");
  });

  test("of several, the one whose peer has the address gives the token", async () => {
    const left = directory("left", { token: "left-token", "api.json": api("127.0.0.1:8004") });
    const right = directory("right", { token: "right-token", "api.json": api("127.0.0.1:8005") });
    assert.equal((await find({ addr: "127.0.0.1:8005" }, {}, [left, right])).token, "right-token");
  });

  test("a token from elsewhere goes with a found address, and is blamed if refused", async () => {
    const running = directory("running", { token: "running-token", "api.json": api("127.0.0.1:8006") });
    const target = await find({}, { PEER_TOKEN: "mine" }, [running]);
    assert.deepEqual([target.port, target.token], [8006, "mine"]);
    assert.match(target.tokenHint, /came from PEER_TOKEN/);
    assert.match((await find({ token: "x" }, {}, [running])).tokenHint, /came from --token/);
    assert.match((await find({}, {}, [running])).tokenHint, new RegExp(`came from ${running}`));
  });

  test("a broken api.json is as good as none", async () => {
    for (const text of ["", "{", "null", '{"address":7}', '{"address":"nonsense:x"}']) {
      const broken = directory("broken", { token: "t", "api.json": text });
      assert.equal((await find({ data: broken }, {})).stopped, broken);
    }
  });

  test("who may not read the token is told to use sudo, whichever address it is for", async () => {
    const read = () => ({ code: "EACCES" });
    for (const addr of [undefined, "127.0.0.1:7337"]) {
      const target = await findTarget({ ...NONE, addr }, {}, async () => ["/var/lib/peer"], read);
      assert.deepEqual([target.port, target.token, target.stopped], [7337, undefined, undefined]);
      const file = join("/var/lib/peer", "token");
      assert.equal(target.tokenHint, `${file} belongs to another user: run it with sudo, or set PEER_TOKEN`);
    }
  });

  test("no address and no directory are wrong usage", async () => {
    for (const [flags, env] of [
      [{ addr: "nonsense:" }, {}],
      [{}, { PEER_ADDR: "" }],
      [{ data: "" }, {}],
      [{}, { PEER_DATA: "" }],
    ] as const) {
      await assert.rejects(
        find(flags, env),
        (error: unknown) => error instanceof CommandError && error.exitCode === 64,
      );
    }
  });

  test("the usual places are the user's own and the system's", async () => {
    const directories = await usualDirectories({ XDG_DATA_HOME: root, LOCALAPPDATA: root })();
    assert.equal(directories.length, 2);
    if (process.platform === "linux") {
      const both = [join(root, "peer"), "/var/lib/peer"];
      assert.deepEqual(directories, isRoot ? both.toReversed() : both);
    }
  });
});

test("an address may have a scheme, brackets, and no port", () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ["127.0.0.1:7337", "127.0.0.1", 7337],
    ["localhost", "localhost", 7337],
    ["http://box.lan:80/", "box.lan", 80],
    ["[::1]:7338", "::1", 7338],
    ["[::1]", "::1", 7337],
    ["0.0.0.0:1", "127.0.0.1", 1],
    ["[::]:1", "::1", 1],
  ];
  for (const [text, host, port] of cases) assert.deepEqual(parseAddress(text, "--addr"), { host, port });
  for (const text of ["", "a:b", "a:0", "a:65536", "::1", "https://a:1", "a b:1", "http://a:1/v1", "[x]:1"]) {
    assert.throws(() => parseAddress(text, "--addr"), { name: "CommandError", exitCode: 64 }, text);
  }
  assert.equal(reachable("10.0.0.1"), "10.0.0.1");
});
