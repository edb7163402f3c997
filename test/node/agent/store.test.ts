import assert from "node:assert/strict";
import { test } from "node:test";
import { PeerError, seededRandom } from "../../../federation/index.ts";
import { MemoryDisk } from "../../../lab/index.ts";
import { AgentStore, type Assignment } from "../../../node/agent/store.ts";
import { allocation, spec } from "../api/tables.ts";

const [row, job] = [allocation(), spec()];
const assignment: Assignment = {
  allocation: row,
  job,
  local: {
    id: row.id,
    bootId: "boot-1",
    tasks: { app: { state: "running", restarts: 1, recentRestartsMs: [5], generation: 0 } },
  },
};

function disk() {
  return new MemoryDisk({ random: seededRandom("agent store") }).mount();
}

test("an assignment is read as it was saved, until it is removed", async () => {
  const files = disk();
  await new AgentStore(files).save(assignment);
  assert.deepEqual(await new AgentStore(files).load(), [assignment]);
  await new AgentStore(files).remove(row.id);
  assert.deepEqual(await new AgentStore(files).load(), []);
});

test("each flipped bit of it is found, and told with the file's name", async () => {
  const files = disk();
  await new AgentStore(files).save(assignment);
  const name = `agent/${row.id}.json`;
  const data = await files.read(name);
  assert.ok(data);
  for (let at = 0; at < data.length; at += 1) {
    const damaged = data.slice();
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
    await files.write(name, damaged);
    await assert.rejects(new AgentStore(files).load(), (error: unknown) => {
      assert.ok(error instanceof PeerError && error.code === "damaged", `byte ${at}: ${String(error)}`);
      assert.match(error.message, new RegExp(name));
      return true;
    });
  }
});
