/** What `./peer` installs, when, and what it says where that fails. npm is a stand-in. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { identityOf } from "../../node/launcher/process-identity.mjs";
import { MiniCheckout, type NpmKind, skip, started } from "./mini-checkout.ts";

const installing = /installing packages/;

function checkoutWithOldNode(context: TestContext): MiniCheckout {
  const checkout = new MiniCheckout(context);
  checkout.setNode("v20.0.0");
  return checkout;
}

describe("an install", { skip }, () => {
  test("happens once, with no script run and one line said", async (context) => {
    const checkout = checkoutWithOldNode(context);
    const first = await checkout.run(["version"]);
    assert.match(first.stderr, /^peer: installing packages.*\n$/);
    assert.equal(started(first).args[0], "version");
    const second = await checkout.run(["version"]);
    assert.equal(second.stderr, "");
    const calls = checkout.npmCalls();
    assert.equal(calls.length, 1);
    assert.match(calls[0] ?? "", /^ci --ignore-scripts --include=dev --include=optional /);
    assert.ok(!fs.existsSync(checkout.files().lock));
  });

  test("follows the lock file", async (context) => {
    const checkout = checkoutWithOldNode(context);
    await checkout.run(["version"]);
    checkout.writeLock(2);
    assert.match((await checkout.run(["version"])).stderr, installing);
    assert.equal(checkout.npmCalls().length, 2);
  });

  test("is one for starts at the same time; the others wait and say so", async (context) => {
    const checkout = checkoutWithOldNode(context);
    checkout.setNpm("slow");
    const first = checkout.start(["one"]);
    await first.says(installing);
    const others = [checkout.start(["two"]), checkout.start(["three"])];
    for (const other of others) await other.says(/waiting for another start \(pid \d+\) to install/);
    checkout.proceed();
    const ended = await Promise.all([first, ...others].map((run) => run.ended()));
    assert.deepEqual(
      ended.map((each) => started(each).args[0]),
      ["one", "two", "three"],
    );
    assert.equal(checkout.npmCalls().length, 1);
  });

  test("whose launcher was killed is waited for while npm goes on", async (context) => {
    const checkout = checkoutWithOldNode(context);
    checkout.setNpm("slow");
    const killed = checkout.start(["version"]);
    await killed.says(installing);
    await checkout.npmCalled(1);
    const [launcher] = await checkout.lockHolders(2);
    process.kill(launcher ?? 0, "SIGKILL");
    await killed.exited();
    const next = checkout.start(["version"]);
    await next.says(/waiting for another start/);
    checkout.proceed();
    assert.equal(started(await next.ended()).args[0], "version");
    assert.equal(checkout.npmCalls().length, 1);
  });

  test("that was killed half way is done anew, past its lock", async (context) => {
    const checkout = checkoutWithOldNode(context);
    checkout.setNpm("slow");
    const killed = checkout.start(["version"]);
    await killed.says(installing);
    await checkout.npmCalled(1);
    for (const pid of await checkout.lockHolders(2)) process.kill(pid, "SIGKILL");
    await killed.ended();
    assert.ok(fs.existsSync(checkout.files().lock));
    checkout.setNpm("works");
    assert.equal(started(await checkout.run(["version"])).args[0], "version");
    assert.equal(checkout.npmCalls().length, 2);
  });

  test("that is interrupted leaves no lock and no stamp", async (context) => {
    const checkout = checkoutWithOldNode(context);
    checkout.setNpm("slow");
    const interrupted = checkout.start(["version"]);
    await interrupted.says(installing);
    const [launcher] = await checkout.lockHolders(1);
    process.kill(launcher ?? 0, "SIGINT");
    assert.equal((await interrupted.ended()).code, 130);
    assert.ok(!fs.existsSync(checkout.files().lock));
    assert.ok(!fs.existsSync(checkout.files().stamp));
  });

  test("that lost its Node is done anew", async (context) => {
    const checkout = checkoutWithOldNode(context);
    await checkout.run(["version"]);
    fs.rmSync(checkout.runtime);
    assert.match((await checkout.run(["version"])).stderr, installing);
  });

  test("that lost a package is done anew at the next start", async (context) => {
    const checkout = checkoutWithOldNode(context);
    await checkout.run(["version"]);
    const main = join(checkout.root, "node", "main.ts");
    fs.writeFileSync(main, `import "a-lost-package";\n${fs.readFileSync(main, "utf8")}`);
    const failed = await checkout.run(["version"]);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /Cannot find package 'a-lost-package'.*\n.*Run the same command again/);
    assert.match((await checkout.run(["version"])).stderr, installing);
  });

  test("made by hand with npm is taken over", async (context) => {
    const checkout = checkoutWithOldNode(context);
    await checkout.run(["version"]);
    fs.rmSync(checkout.files().state, { recursive: true });
    const next = await checkout.run(["version"]);
    assert.equal(next.stderr, "");
    assert.equal(started(next).args[0], "version");
    assert.equal(checkout.npmCalls().length, 1);
  });
});

describe("under a running peer", { skip }, () => {
  test("no packages are replaced: it can be spoken to, not started beside", async (context) => {
    const checkout = checkoutWithOldNode(context);
    const running = checkout.start(["start"]);
    await running.says(/"args":\["start"\]/);
    checkout.writeLock(2);
    const command = await checkout.run(["ps"]);
    assert.equal(started(command).args[0], "ps");
    assert.match(
      command.stderr,
      /the packages changed; while a peer \(pid \d+\) runs, those of before are used/,
    );
    const refused = await checkout.run(["start"]);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      new RegExp(`a peer \\(pid ${running.child.pid}\\) of this checkout still runs`),
    );
    assert.match(refused.stderr, /Stop it .*then run the same command again/);
    assert.equal(checkout.npmCalls().length, 1);
    running.child.stdin?.end();
    await running.ended();
    assert.match((await checkout.run(["ps"])).stderr, installing);
    assert.equal(checkout.npmCalls().length, 2);
  });

  test("a killed peer's mark does not count", async (context) => {
    const checkout = checkoutWithOldNode(context);
    const running = checkout.start(["start"]);
    await running.says(/"args":\["start"\]/);
    running.child.kill("SIGKILL");
    await running.ended();
    assert.equal(fs.readdirSync(checkout.files().runningMarks).length, 1);
    checkout.writeLock(2);
    assert.match((await checkout.run(["start"])).stderr, installing);
  });

  test("a peer does not start while packages are installed", async (context) => {
    const checkout = checkoutWithOldNode(context);
    await checkout.run(["version"]);
    fs.writeFileSync(checkout.files().lock, JSON.stringify(identityOf(process.pid)));
    const refused = await checkout.run(["start"]);
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /the packages of this checkout are being installed/);
    assert.deepEqual(fs.readdirSync(checkout.files().runningMarks), []);
  });
});

describe("a failed install says what and what next", { skip }, () => {
  const cases: readonly { npm: NpmKind | undefined; says: RegExp; next: RegExp }[] = [
    {
      npm: undefined,
      says: /npm was not found on the PATH/,
      next: /Install Node.js 22.18 or newer together/,
    },
    {
      npm: "offline",
      says: /could not reach its registry.\n {2}npm error code ENOTFOUND/,
      next: /Check the network/,
    },
    {
      npm: "broken",
      says: /could not install the packages.\n {2}npm error something odd/,
      next: /Try `npm ci`/,
    },
    { npm: "brings nothing", says: /no Node.js that is new enough runs/, next: /Install Node.js 22.18/ },
  ];
  for (const { npm, says, next } of cases) {
    test(npm ?? "no npm", async (context) => {
      const checkout = checkoutWithOldNode(context);
      checkout.setNpm(npm);
      const failed = await checkout.run(["version"]);
      assert.equal(failed.code, 1);
      assert.equal(failed.stdout, "");
      assert.match(failed.stderr, says);
      assert.match(failed.stderr, next);
      assert.ok(!fs.existsSync(checkout.files().lock));
      checkout.setNpm("works");
      assert.equal(started(await checkout.run(["version"])).args[0], "version");
    });
  }
});

describe("npm's scripts", { skip }, () => {
  test("install first, then run with their arguments and exit code", async (context) => {
    const checkout = new MiniCheckout(context);
    checkout.setNode("v22.18.0");
    const launch = join(checkout.root, "node", "launcher", "launch.mjs");
    const run = () =>
      checkout.run([launch, "--no-warnings", "node/main.ts", "exit", "3"], {
        command: join(checkout.bin, "node"),
      });
    const first = await run();
    assert.match(first.stderr, installing);
    assert.equal(first.code, 3);
    assert.deepEqual(started(first).args, ["exit", "3"]);
    assert.equal((await run()).stderr, "");
  });
});
