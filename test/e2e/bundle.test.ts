/** `npm run build`: the files in dist/ are the whole peer, and need nothing beside them. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { isBuiltin } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { IMPORT_TABLE } from "../tidy/table.ts";

const repository = join(import.meta.dirname, "..", "..");
const work = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "peer-bundle-")));
const dist = join(work, "dist");
/** The package as a person has it, away from any node_modules. */
const installed = join(work, "installed", "peer.js");

function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(process.execPath, [file, ...args], { encoding: "utf8", cwd: tmpdir(), env });
}

function build(): string {
  const script = join(work, "node", "launcher", "build.ts");
  const { status, stdout, stderr } = run(script, [], process.env);
  assert.equal(status, 0, stdout + stderr);
  return stdout;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

describe("the bundle", () => {
  before(() => {
    for (const name of [...IMPORT_TABLE.keys(), "package.json", "package-lock.json"]) {
      if (name !== "test" && fs.existsSync(join(repository, name)))
        fs.cpSync(join(repository, name), join(work, name), { recursive: true });
    }
    fs.mkdirSync(join(work, "node_modules"));
    for (const name of fs.readdirSync(join(repository, "node_modules"))) {
      if (name.startsWith(".")) continue;
      fs.symlinkSync(join(repository, "node_modules", name), join(work, "node_modules", name));
    }
    fs.mkdirSync(dist);
    fs.writeFileSync(join(dist, "start-OLD.js"), "");
    assert.match(build(), /^dist: \d+ files, \d+ KiB\n$/);
    fs.cpSync(dist, join(work, "installed"), { recursive: true });
    fs.writeFileSync(join(work, "installed", "package.json"), '{"type":"module"}');
  });

  after(() => fs.rmSync(work, { recursive: true, force: true }));

  test("imports nothing but itself and Node", () => {
    const files = fs.readdirSync(dist).filter((name) => name.endsWith(".js"));
    for (const program of ["peer.js", "keeper.js", "planner.js"]) assert.ok(files.includes(program));
    for (const file of files) {
      const text = fs.readFileSync(join(dist, file), "utf8");
      const imported = [...text.matchAll(/^(?:import|export)\b[^'"\n]*?["']([^'"\n]+)["'];$/gm)].map(
        ([, name]) => name,
      );
      for (const name of imported)
        assert.ok(name?.startsWith("./") || isBuiltin(name ?? ""), `${file}: ${name}`);
    }
  });

  test("does not keep the files of an earlier one", () => {
    assert.ok(!fs.existsSync(join(dist, "start-OLD.js")));
  });

  test("brings the licences of what it contains", () => {
    const licences = fs.readFileSync(join(dist, "LICENSES.txt"), "utf8");
    for (const name of ["fastify", "yaml", "@sinclair/typebox"]) {
      assert.match(licences, new RegExp(`^${name} [\\d.]+ \\((MIT|ISC)\\)$`, "m"));
    }
  });

  test("answers a command, and keeps its cache where only this user writes", () => {
    const home = join(work, "home");
    fs.mkdirSync(home);
    const { stdout, status } = run(installed, ["version"], {
      HOME: home,
      XDG_CACHE_HOME: join(home, "cache"),
    });
    assert.equal(status, 0);
    assert.match(stdout, /^peer \d+\.\d+\.\d+/);
    assert.ok(!fs.existsSync(join(tmpdir(), "node-compile-cache", "peer")));
  });

  test("has the threads that plan, as a file of its own", async () => {
    const worker = new Worker(join(work, "installed", "planner.js"), { env: {} });
    const buffers = { rows: 0, columns: new SharedArrayBuffer(0), pages: new SharedArrayBuffer(0) };
    worker.postMessage({ kind: "nodes", nodes: [], complete: { generation: 0, gone: [], buffers } });
    const order = { kind: "place", id: 3, generation: 0, seed: 1, requests: new Int32Array(0), jobs: [] };
    worker.postMessage({ ...order, spec: { id: "none", namespace: "default", groups: [] } });
    const [answer] = await once(worker, "message");
    assert.equal(answer.id, 3);
    await worker.terminate();
  });

  test("starts a peer, which stops again", async () => {
    const api = `127.0.0.1:${await freePort()}`;
    const data = join(work, "data");
    const env = { HOME: work, PATH: process.env["PATH"], PEER_DATA: data };
    const peer = spawn(process.execPath, [installed, "start", "--api", api], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    peer.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const ready = once(peer.stdout, "data").then(() => "ready");
    const first = await Promise.race([ready, once(peer, "close").then(() => "ended")]);
    assert.equal(first, "ready", said);
    const health = await fetch(`http://${api}/v1/health`);
    assert.equal(health.status, 200);
    const closed = once(peer, "close");
    assert.equal(run(installed, ["down"], env).status, 0);
    await closed;
  });

  test("is taken by the launcher until a source changes", () => {
    const boot = join(work, "node", "launcher", "boot.mjs");
    const main = join(work, "node", "main.ts");
    const print = "process.stdout.write(process.argv[1]);";
    fs.writeFileSync(join(dist, "peer.js"), print);
    const later = new Date(Date.now() + 60_000);
    fs.utimesSync(join(dist, "peer.js"), later, later);
    assert.equal(run(boot, ["version"]).stdout, join(dist, "peer.js"));
    fs.writeFileSync(main, print);
    const muchLater = new Date(Date.now() + 120_000);
    fs.utimesSync(main, muchLater, muchLater);
    assert.equal(run(boot, ["version"]).stdout, main);
  });
});
