import assert from "node:assert/strict";
import { test } from "node:test";
import { taskOn } from "../../../federation/index.ts";
import { taskOf } from "../fixtures.ts";

const LINUX = { os: "linux", arch: "x64" };
const PI = { os: "linux", arch: "arm64" };
const WINDOWS = { os: "windows", arch: "x64" };

const task = taskOf("app", {
  config: { command: "./app", args: ["-v"] },
  env: { LOG: "info", MODE: "a" },
  variants: [
    { os: "linux", arch: "arm64", config: { command: "./app-arm64" } },
    {
      os: "windows",
      config: { command: "app.exe" },
      env: { MODE: "w" },
      killSignal: "SIGKILL",
      killTimeoutMs: 9,
    },
    { os: "linux", env: { MODE: "l" } },
  ],
});

test("the first variant that is for the platform is laid over the task", () => {
  assert.deepEqual(taskOn(task, PI)?.config, { command: "./app-arm64", args: ["-v"] });
  assert.deepEqual(taskOn(task, PI)?.env, { LOG: "info", MODE: "a" });
  assert.deepEqual(taskOn(task, LINUX)?.env, { LOG: "info", MODE: "l" });
  const windows = taskOn(task, WINDOWS);
  assert.deepEqual(windows?.config, { command: "app.exe", args: ["-v"] });
  assert.deepEqual([windows?.killSignal, windows?.killTimeoutMs], ["SIGKILL", 9]);
  assert.deepEqual(windows?.resources, task.resources);
  assert.ok(windows !== undefined && !("variants" in windows));
});

test("without a variant a task runs as it is, if it says what to run", () => {
  assert.equal(taskOn(task, { os: "darwin", arch: "arm64" })?.config["command"], "./app");
  assert.equal(taskOn({ ...task, config: {} }, { os: "darwin", arch: "arm64" }), undefined);
  const { driver: _, ...open } = task;
  assert.equal(taskOn(open, { os: "darwin", arch: "arm64" }), undefined);
  assert.equal(taskOn(taskOf("app", { config: {} }), LINUX)?.driver, "process");
});

test("the config of a variant for another driver stands alone", () => {
  const docker = { os: "linux", driver: "docker", config: { image: "app:1" } };
  const program = taskOn({ ...task, variants: [docker] }, LINUX);
  assert.deepEqual([program?.driver, program?.config], ["docker", { image: "app:1" }]);
  const { driver: _, ...open } = task;
  const laid = taskOn({ ...open, variants: [docker] }, LINUX);
  assert.deepEqual(laid?.config, { command: "./app", args: ["-v"], image: "app:1" });
});
