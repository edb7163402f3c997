/** `./peer`: which Node it becomes, with what, and what it says where it can't. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { hasProgram, without } from "../runner/system-packages.ts";
import { MiniCheckout, skip, started } from "./mini-checkout.ts";

const repository = join(import.meta.dirname, "..", "..");
const tooOld = "v20.0.0";
const newEnough = "v22.18.0";

const shells = [["sh"], ["dash"], ["busybox", "sh"], ["bash"]].map((command) => ({
  name: command.join(" "),
  program: command[0] ?? "",
  rest: command.slice(1),
}));

describe("the process that ./peer becomes", { skip }, () => {
  test("is the one that was started, with the arguments as they were", async (context) => {
    const checkout = new MiniCheckout(context);
    checkout.setNode(newEnough);
    const args = ["run", "a b", "", "*", "$HOME", "--", "-q", "é\n'\""];
    const ended = await checkout.run(args);
    assert.equal(started(ended).pid, ended.pid);
    assert.deepEqual(started(ended).args, args);
    assert.equal(started(ended).entry, join(checkout.root, "node", "main.ts"));
  });

  test("gives its exit code, and no setting of its own to its children", async (context) => {
    const checkout = new MiniCheckout(context);
    checkout.setNode(newEnough);
    const ended = await checkout.run(["exit", "64"]);
    assert.equal(ended.code, 64);
    assert.deepEqual(started(ended).inherited, {});
  });

  for (const { name, program, rest } of shells) {
    test(`is found from anywhere, through links, in ${name}`, { skip: without(program) }, async (context) => {
      const checkout = new MiniCheckout(context);
      checkout.setNode(newEnough);
      const file = join(checkout.root, "peer");
      fs.symlinkSync(file, checkout.beside("absolute link"));
      fs.symlinkSync("absolute link", checkout.beside("second"));
      fs.symlinkSync(join("check out", "peer"), checkout.beside("relative"));
      const where = spawnSync("sh", ["-c", `command -v ${program}`], { encoding: "utf8" }).stdout.trim();
      const starts = [
        { command: "peer", cwd: checkout.root },
        { command: "../peer", cwd: join(checkout.root, "node") },
        { command: checkout.beside("second"), cwd: tmpdir() },
        { command: "relative", cwd: checkout.beside("") },
        { command: "../../second", cwd: join(checkout.root, "node") },
      ];
      for (const start of starts) {
        const ended = await checkout.run(["version"], { ...start, shell: [where, ...rest] });
        assert.equal(started(ended).entry, join(checkout.root, "node", "main.ts"), start.command);
        assert.equal(started(ended).pid, ended.pid, start.command);
      }
    });
  }

  test("is the bundle while no source is newer than it", async (context) => {
    const checkout = new MiniCheckout(context);
    checkout.setNode(newEnough);
    await checkout.run(["version"]);
    const bundle = join(checkout.root, "dist", "peer.js");
    fs.mkdirSync(join(checkout.root, "dist"));
    fs.writeFileSync(bundle, 'process.stdout.write(JSON.stringify({ entry: process.argv[1] }) + "\\n");');
    const soon = new Date(Date.now() + 60_000);
    fs.utimesSync(bundle, soon, soon);
    assert.equal(started(await checkout.run([])).entry, bundle);
    const later = new Date(Date.now() + 120_000);
    fs.utimesSync(join(checkout.root, "node", "launcher", "boot.mjs"), later, later);
    assert.equal(started(await checkout.run([])).entry, join(checkout.root, "node", "main.ts"));
  });
});

describe("the Node that ./peer chooses", { skip }, () => {
  const choices = [
    { version: "v22.18.0", own: true },
    { version: "v23.6.0", own: true },
    { version: "v24.0.0-rc.1", own: true },
    { version: "v110.0.0", own: true },
    { version: "v22.17.9", own: false },
    { version: "v23.5.0", own: false },
    { version: "v18.0.0", own: false },
  ];
  test("is the PATH's where that is new enough, else npm's", async (context) => {
    const checkout = new MiniCheckout(context);
    checkout.setNode(tooOld);
    const installed = started(await checkout.run(["version"]));
    assert.equal(installed.args[0], "version");
    // Without npm's, only the PATH's can be what starts.
    fs.rmSync(checkout.runtime);
    checkout.setNpm("offline");
    for (const { version, own } of choices) {
      checkout.setNode(version);
      const ended = await checkout.run(["version"]);
      assert.equal(ended.code, own ? 0 : 1, `${version}: ${ended.stderr}`);
      if (!own) assert.match(ended.stderr, /installing packages/, version);
    }
  });

  test("is npm's where the PATH has none any more", async (context) => {
    const checkout = new MiniCheckout(context);
    checkout.setNode(tooOld);
    await checkout.run(["version"]);
    checkout.setNode(undefined);
    assert.equal(started(await checkout.run(["version"])).args[0], "version");
  });

  test("must be installed by hand where npm has none for the machine", async (context) => {
    const checkout = new MiniCheckout(context);
    checkout.setUname("Linux armv7l");
    checkout.setNode(tooOld);
    const refused = await checkout.run(["version"]);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /this machine \(Linux armv7l\) needs Node.js 22.18 or newer .*found: v20.0.0/,
    );
    assert.match(refused.stderr, /Install it/);
    assert.deepEqual(checkout.npmCalls(), []);
    checkout.setNode(newEnough);
    assert.equal(started(await checkout.run(["version"])).args[0], "version");
  });

  test("is asked for where there is nothing to install with", async (context) => {
    const checkout = new MiniCheckout(context);
    for (const version of [undefined, "v16.20.0", "ax25 node 1.0"]) {
      checkout.setNode(version);
      const refused = await checkout.run(["version"]);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /which needs Node.js 18 or newer with npm on the PATH/);
    }
  });
});

test("shellcheck finds nothing in ./peer", { skip: without("shellcheck") }, () => {
  const { status, stdout } = spawnSync("shellcheck", ["--shell=sh", join(repository, "peer")], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout);
  assert.ok(hasProgram("shellcheck"));
});
