import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, PeerError } from "../../../federation/index.ts";
import { seededRandom } from "../../../federation/random.ts";
import { ManualClock } from "../../../lab/clock.ts";
import { MemoryDisk } from "../../../lab/disk.ts";
import { openList } from "./register.ts";

const is =
  (code: ErrorCode, pattern = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof PeerError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  };

function newWorld(seed: string | number = 1) {
  const clock = new ManualClock();
  return { clock, hardware: new MemoryDisk({ random: seededRandom(seed), clock }) };
}

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at + 1);
const LARGE = {};

test("a group of one leads at once; what is proposed is applied in order and survives", async () => {
  const { clock, hardware } = newWorld();
  const first = await openList(hardware.mount(), clock);
  const { leader, role, term } = first.group.status();
  assert.deepEqual({ leader, role, term }, { leader: "n1", role: "leader", term: 1 });
  assert.deepEqual(await first.put("a"), { index: 2, result: 1 });
  const more = await Promise.all(["b", "c", "d"].map((value) => first.put(value)));
  assert.deepEqual(more, [
    { index: 3, result: 2 },
    { index: 4, result: 3 },
    { index: 5, result: 4 },
  ]);
  await first.group.close();
  const second = await openList(hardware.mount(), clock);
  assert.equal(second.group.status().term, 2);
  assert.deepEqual(
    second.list.map(({ value }) => value),
    ["a", "b", "c", "d"],
  );
  assert.deepEqual(await second.put("e"), { index: 7, result: 5 });
  const { applied, commit, lastIndex } = second.group.status();
  assert.deepEqual([applied, commit, lastIndex], [7, 7, 7]);
});

test("nothing is answered before it is on the disk and applied", async () => {
  const { clock, hardware } = newWorld();
  const { list, put } = await openList(hardware.mount(), clock);
  hardware.latencyMs = 100;
  let isAnswered = false;
  const answer = put("a").then((value) => {
    isAnswered = true;
    return value;
  });
  await clock.advance(199);
  assert.equal(isAnswered, false, "a write and a sync take 200 ms");
  assert.equal(list.length, 0, "persisted first, then applied");
  await clock.advance(1);
  assert.equal(isAnswered, true);
  assert.deepEqual(await answer, { index: 2, result: 1 });
});

test("all that is proposed while the disk works is one write and one sync", async () => {
  const { clock, hardware } = newWorld();
  const { put } = await openList(hardware.mount(), clock, { limits: LARGE });
  hardware.latencyMs = 10;
  const before = hardware.operations;
  const answers = [put("first")];
  await clock.advance(5);
  for (const each of numbers(999)) answers.push(put(`later ${each}`));
  await clock.advance(15);
  await answers[0];
  assert.equal(hardware.operations - before, 3, "the first answer came before the second batch was synced");
  await clock.advance(20);
  await Promise.all(answers);
  assert.equal(hardware.operations - before, 4);
});

test("proposals of one turn share a batch", async () => {
  const { clock, hardware } = newWorld();
  const { put } = await openList(hardware.mount(), clock, { limits: LARGE });
  const before = hardware.operations;
  await Promise.all(numbers(100).map((each) => put(`${each}`)));
  assert.equal(hardware.operations - before, 2);
});

test("what is too much or too large is refused, and nothing else suffers", async () => {
  const { clock, hardware } = newWorld();
  const limits = { ...LARGE, proposalsMax: 3, proposalBytesMax: 100, entryBytesMax: 60 };
  const { group, list, put } = await openList(hardware.mount(), clock, { limits });
  await assert.rejects(put("x".repeat(61)), is("too_large", /61 bytes/));
  await assert.rejects(group.propose(new Uint8Array(0)), is("bad_request"));
  const taken = [put("1"), put("2"), put("3")];
  await assert.rejects(put("4"), (error) => is("too_many_requests")(error) && (error as PeerError).retryable);
  await Promise.all(taken);
  const large = [put("x".repeat(60)), put("y".repeat(40))];
  await assert.rejects(put("z"), is("too_many_requests"));
  await Promise.all(large);
  await put("later");
  assert.equal(list.length, 6);
});

test("on a full disk changes are refused until there is space, and the group goes on", async () => {
  const { clock, hardware } = newWorld();
  const { failures, group, list, put } = await openList(hardware.mount(), clock, {
    limits: { snapshotEntries: 1000 },
  });
  await put("before");
  hardware.capacityBytes = hardware.usedBytes;
  let count = 0;
  const full = await (async () => {
    for (; count < 1000; count += 1) await put("x".repeat(5000));
    return undefined;
  })().catch((error: unknown) => error);
  assert.ok(is("disk_full")(full) && count > 5, "what was reserved can still be written");
  await assert.rejects(Promise.all([put("y".repeat(9000)), put("z".repeat(9000))]), is("disk_full"));
  assert.equal(group.status().lastIndex, count + 2, "nothing of it reached the log");
  hardware.capacityBytes = Number.POSITIVE_INFINITY;
  await put("after");
  await group.close();
  assert.deepEqual(failures, []);
  const again = await openList(hardware.mount(), clock, { limits: LARGE });
  assert.deepEqual(again.list, list);
});

test("a start that finds no space for its vote says so, and one with space goes on", async () => {
  const { clock, hardware } = newWorld();
  const first = await openList(hardware.mount(), clock);
  await first.put("a");
  await first.group.close();
  const file = await hardware.mount().open("raft/log/0000000000000001.log");
  await file.resize(400);
  await file.close();
  hardware.capacityBytes = hardware.usedBytes;
  await assert.rejects(openList(hardware.mount(), clock), is("disk_full"));
  hardware.capacityBytes = Number.POSITIVE_INFINITY;
  assert.deepEqual((await openList(hardware.mount(), clock)).list, first.list);
});

test("a disk that fails to sync ends the group: no answer that could be a lie", async () => {
  const { clock, hardware } = newWorld();
  const { failures, group, put } = await openList(hardware.mount(), clock);
  await put("a");
  hardware.failSync("raft/log/0000000000000001.log");
  const answers = await Promise.allSettled([put("b"), put("c")]);
  for (const answer of answers) {
    assert.ok(answer.status === "rejected" && is("unavailable", /the authority stopped/)(answer.reason));
  }
  await assert.rejects(put("d"), is("unavailable"));
  assert.equal(failures.length, 1, "the peer is told once, to crash");
  await group.close();
  hardware.kill();
  const again = await openList(hardware.mount(), clock);
  assert.deepEqual(
    again.list.map(({ value }) => value),
    ["a", "b", "c"],
    "durable now, whatever was answered",
  );
  hardware.crash();
  assert.equal((await openList(hardware.mount(), clock)).list.length, 3);
});

test("an apply that throws ends the group", async () => {
  const { clock, hardware } = newWorld();
  const { failures, put } = await openList(hardware.mount(), clock, {
    apply: (value) => {
      if (value === "bad") throw new Error("a bug");
    },
  });
  await put("good");
  await assert.rejects(put("bad"), is("unavailable", /a bug/));
  assert.equal(failures.length, 1);
  await assert.rejects(put("good"), is("unavailable"));
  hardware.kill();
  const reopened = openList(hardware.mount(), clock, {
    apply: () => {
      throw new Error("the same bug");
    },
  });
  await assert.rejects(reopened, is("unavailable", /the same bug/));
});

test("close finishes what was taken and refuses the rest", async () => {
  const { clock, hardware } = newWorld();
  const { group, list, put } = await openList(hardware.mount(), clock);
  hardware.latencyMs = 10;
  const taken = numbers(30).map((each) => put(`${each}`));
  const closed = group.close();
  await assert.rejects(put("late"), is("stopping"));
  await clock.advance(1000);
  await closed;
  await Promise.all(taken);
  await group.close();
  assert.equal(list.length, 30);
  assert.equal(clock.timers, 0, "no timer is left");
});

test("an idle group writes one mark and then nothing", async () => {
  const { clock, hardware } = newWorld();
  const { put } = await openList(hardware.mount(), clock, { limits: LARGE });
  await put("a");
  await clock.advance(1000);
  const { operations, writtenBytes } = hardware;
  await clock.advance(3_600_000);
  assert.deepEqual([hardware.operations, hardware.writtenBytes], [operations, writtenBytes]);
  const log = await hardware.mount().open("raft/log/0000000000000001.log");
  assert.equal(await log.size(), 64 * 1024);
  assert.ok(hardware.usedBytes <= 65 * 1024, `${hardware.usedBytes} bytes`);
});

test("rot in the last entries is found once the group was idle", async () => {
  const { clock, hardware } = newWorld();
  const { put } = await openList(hardware.mount(), clock);
  await put("needle");
  await clock.advance(1000);
  hardware.kill();
  const bytes = await hardware.mount().read("raft/log/0000000000000001.log");
  const at = Buffer.from(bytes ?? []).indexOf("needle");
  assert.ok(at > 0);
  hardware.flipBit("raft/log/0000000000000001.log", at, 2);
  await assert.rejects(openList(hardware.mount(), clock), is("damaged", /0000000000000001\.log .* byte/));
});

test("the files of another node are refused", async () => {
  const { clock, hardware } = newWorld();
  const { group } = await openList(hardware.mount(), clock);
  await group.close();
  await assert.rejects(openList(hardware.mount(), clock, { self: "n2" }), is("conflict", /raft of n1/));
});
