import assert from "node:assert/strict";
import os from "node:os";
import { test } from "node:test";
import { createProcesses } from "../../../node/host/processes.ts";

test("facts are whole, plausible and stay", () => {
  const processes = createProcesses();
  const facts = processes.facts();
  assert.equal(processes.pid, process.pid);
  assert.ok(["linux", "darwin", "windows"].includes(facts.os) || facts.os === process.platform);
  assert.ok(facts.cpuCount >= 1);
  assert.ok(facts.memoryBytes > 16 * 1024 * 1024 && facts.memoryBytes <= os.totalmem());
  for (const key of ["hostname", "osVersion", "arch", "cpuModel", "bootId", "userName"] as const)
    assert.ok(facts[key].length > 0, key);
  assert.equal(processes.facts(), facts);
});

test("usage is this process's and its CPU time grows with work", () => {
  const processes = createProcesses();
  const before = processes.usage();
  assert.ok(before.memoryBytes > 1024 * 1024);
  const { cpuSeconds } = before;
  let turns = 0;
  // Counts work done, not time passed: bounded far above what any clock's grain needs.
  while (processes.usage().cpuSeconds === cpuSeconds && turns < 1_000_000) turns += 1;
  assert.ok(processes.usage().cpuSeconds > cpuSeconds);
});

test("a memory limit of a container is all the memory there is", (context) => {
  context.mock.method(process, "constrainedMemory", () => 64 * 1024 * 1024);
  assert.equal(createProcesses().facts().memoryBytes, 64 * 1024 * 1024);
});

test("a user without a name is told by number", (context) => {
  context.mock.method(os, "userInfo", () => {
    throw new Error("no such user");
  });
  const { userName } = createProcesses().facts();
  assert.equal(userName, String(process.geteuid?.() ?? "unknown"));
});
