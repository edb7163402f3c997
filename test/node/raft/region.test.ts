import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorCode, PeerError } from "../../../federation/index.ts";
import { seededRandom } from "../../../federation/random.ts";
import { encodeFrame } from "../../../node/raft/frame.ts";
import { id, Region } from "./region.ts";
import { openList, SMALL } from "./register.ts";

const THREE = ["n1", "n2", "n3"];
const numbers = (count: number) => Array.from({ length: count }, (_, at) => `${at}`);
const is = (code: ErrorCode) => (error: unknown) => error instanceof PeerError && error.code === code;

test("a region grows from one voter to three, and all hold what was acknowledged", async () => {
  const region = await Region.of(THREE);
  await region.during(region.at("n1").put("a"));
  await region.clock.advance(1000);
  for (const name of THREE) {
    assert.deepEqual(region.values(name), ["a"]);
    assert.deepEqual(region.at(name).group.status().configuration, {
      voters: THREE,
      outgoing: [],
      learners: [],
    });
  }
});

test("a peer that joins never founds: it waits for its leader, over restarts too", async () => {
  const region = new Region();
  for (let life = 0; life < 2; life += 1) {
    const { group } = await region.open("n2", "join");
    await region.clock.advance(60_000);
    assert.deepEqual([group.status().role, group.status().term], ["follower", 0]);
    await assert.rejects(group.propose(new Uint8Array(1)), is("not_leader"));
    region.kill("n2");
  }
  // Not even if it is told to: the log remembers.
  const { group } = await region.open("n2", "found");
  await region.clock.advance(60_000);
  assert.equal(group.status().role, "follower");
});

test("a folder of another region is refused", async () => {
  const region = new Region();
  const { group } = await region.open("n1", "found");
  await region.during(group.close());
  const disk = region.disks.get("n1")?.mount();
  assert.ok(disk !== undefined);
  const bytes = await disk.read("raft/group.json");
  await disk.write(
    "raft/group.json",
    Buffer.from(
      Buffer.from(bytes ?? [])
        .toString()
        .replace('"region"', '"other"'),
    ),
  );
  await assert.rejects(openList(disk, region.clock, { self: "n1" }), is("conflict"));
});

test("an answer waits for a majority of disks", async () => {
  const region = await Region.of(THREE);
  for (const name of ["n2", "n3"]) region.hub.cut("n1", name);
  let isAnswered = false;
  const answer = region
    .at("n1")
    .put("cut off")
    .finally(() => {
      isAnswered = true;
    });
  answer.catch(() => undefined);
  await region.clock.advance(500);
  assert.equal(isAnswered, false);
  await region.clock.advance(30_000);
  await assert.rejects(answer, (error) => is("unavailable")(error) || is("not_leader")(error));
  for (const name of ["n2", "n3"]) region.hub.open("n1", name);
  await region.clock.advance(5000);
  const lists = THREE.map((name) => region.values(name).join());
  assert.equal(new Set(lists).size, 1);
});

test("who does not lead says who does", async () => {
  const region = await Region.of(THREE);
  await assert.rejects(region.at("n2").put("x"), (error) => {
    assert.ok(error instanceof PeerError && error.code === "not_leader");
    assert.deepEqual(error.details, [{ path: "leader", message: "n1" }]);
    return true;
  });
});

test("the leader's process dies: writes go on within a second, and nothing is lost", async () => {
  const region = await Region.of(THREE);
  for (const value of numbers(10)) await region.during(region.at("n1").put(value));
  const heard: string[] = [];
  region.at("n2").group.watchRole(({ leader, role }) => heard.push(`${role} ${leader}`));
  region.kill("n1");
  await region.clock.advance(500);
  await region.during(region.leader.put("after"));
  assert.ok(heard.some((line) => line.startsWith("leader") || line.includes("n3")));
  await region.open("n1", "found");
  await region.clock.advance(2000);
  for (const name of THREE) assert.deepEqual(region.values(name), [...numbers(10), "after"], name);
});

test("all power-cycled: the region comes back with all that was acknowledged", async () => {
  const region = await Region.of(THREE);
  for (const value of numbers(40)) await region.during(region.leader.put(value));
  for (const name of THREE) region.kill(name, "crash");
  for (const name of THREE) await region.open(name, "join");
  await region.clock.advance(10_000);
  await region.during(region.leader.put("after"));
  await region.clock.advance(1000);
  for (const name of THREE) assert.deepEqual(region.values(name), [...numbers(40), "after"], name);
});

test("a follower that is far behind gets a snapshot, and its disk begins there", async () => {
  const region = await Region.of(THREE, {
    ...SMALL,
    core: { retainedEntries: 8 },
    chunkBytes: 64,
    chunkWindowBytes: 128,
  });
  region.kill("n3");
  for (const value of numbers(200)) await region.during(region.leader.put(value));
  await region.open("n3", "join");
  await region.clock.advance(10_000);
  assert.deepEqual(region.values("n3"), numbers(200));
  const names = region.disks.get("n3")?.paths() ?? [];
  assert.ok(
    names.some((path) => path.endsWith("-received")),
    names.join(),
  );
  assert.ok(!names.includes("raft/snapshots/incoming"));
  await region.during(region.leader.put("after"));
  await region.clock.advance(1000);
  region.kill("n3", "crash");
  await region.open("n3", "join");
  await region.clock.advance(5000);
  assert.deepEqual(region.values("n3"), [...numbers(200), "after"]);
});

test("a snapshot goes on over a bad way: pieces lost, the link reset in the middle", async () => {
  const region = await Region.of(["n1"], {
    ...SMALL,
    core: { retainedEntries: 4 },
    chunkBytes: 32,
    chunkWindowBytes: 64,
  });
  for (const value of numbers(120)) await region.during(region.leader.put(value));
  const random = seededRandom("bad way");
  await region.open("n2", "join");
  region.hub.carries = () => random.next() < 0.9;
  const added = region.leader.group.addLearner(id("n2"));
  for (let reset = 0; reset < 3; reset += 1) {
    await region.clock.advance(700);
    region.hub.cut("n1", "n2");
    region.hub.open("n1", "n2");
  }
  await region.during(added);
  region.hub.carries = () => true;
  await region.clock.advance(60_000);
  assert.deepEqual(region.values("n2"), numbers(120));
});

test("reads are confirmed, by any member, and by nobody without a majority", async () => {
  const region = await Region.of(THREE);
  const { index } = await region.during(region.leader.put("x"));
  for (const name of THREE) {
    const read = await region.during(region.at(name).group.readIndex());
    assert.ok(read >= index, name);
    assert.ok(region.values(name).includes("x"), "the state is there when the read is answered");
  }
  for (const name of ["n2", "n3"]) region.hub.cut("n1", name);
  await assert.rejects(region.during(region.at("n1").group.readIndex()), is("timeout"));
});

test("leadership is handed over on demand, members are removed, and who may not vote does not", async () => {
  const region = await Region.of(THREE);
  const first = region.leader.group;
  await region.during(first.transfer(id("n2")));
  await region.clock.advance(500);
  assert.equal(region.leader.group.status().leader, "n2");
  await assert.rejects(first.transfer(id("n3")), is("not_leader"));
  const second = region.leader.group;
  await assert.rejects(second.transfer(id("n9")), is("bad_request"));
  await region.during(second.removeMember(id("n1")));
  assert.deepEqual(second.status().configuration.voters, ["n2", "n3"]);
  await assert.rejects(second.changeVoters([id("n2"), id("n9")]), is("conflict"));
  await region.clock.advance(10_000);
  assert.equal(region.leader.group.status().leader, "n2");
});

test("a leader that removes itself hands over", async () => {
  const region = await Region.of(THREE);
  await region.during(region.leader.group.removeMember(id("n1")));
  await region.clock.advance(1000);
  const { configuration, leader } = region.at("n2").group.status();
  assert.deepEqual(configuration.voters, ["n2", "n3"]);
  assert.ok(["n2", "n3"].includes(leader));
});

test("what is not for this region, or is no message, is dropped and counted", async () => {
  const region = await Region.of(THREE);
  const links = region.hub.join("stranger");
  region.hub.open("stranger", "n1");
  const { group } = region.at("n1");
  const body = { kind: "append", previousIndex: 0, previousTerm: 0, entries: [], commit: 0 } as const;
  const before = group.status();
  links.send(id("n1"), "raft", encodeFrame({ regionId: "other", generation: 1, term: 99, body }));
  links.send(id("n1"), "raft", encodeFrame({ regionId: "region", generation: 2, term: 99, body }));
  links.send(id("n1"), "raft", new Uint8Array([1, 2, 3]));
  links.send(id("n1"), "swim", new Uint8Array([1, 2, 3]));
  await region.clock.advance(50);
  assert.equal(group.droppedFrames, 3);
  assert.equal(group.status().term, before.term);
});

test("a follower with a full disk takes nothing and loses nothing; the others go on", async () => {
  const region = await Region.of(THREE);
  const disk = region.disks.get("n3");
  assert.ok(disk !== undefined);
  disk.capacityBytes = disk.usedBytes;
  for (const value of numbers(100)) await region.during(region.leader.put(value.padEnd(400, "x")));
  assert.ok(region.values("n3").length < 100);
  assert.deepEqual(region.at("n3").failures, []);
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  await region.clock.advance(20_000);
  assert.equal(region.values("n3").length, 100);
});

test("closed, a peer of several leaves no timer", async () => {
  const region = await Region.of(THREE);
  const last = region.at("n3").group;
  for (const name of THREE) await region.during(region.at(name).group.close());
  await assert.rejects(last.propose(new Uint8Array(1)), is("stopping"));
  await assert.rejects(last.readIndex(), is("stopping"));
  assert.equal(region.clock.timers, 0);
});
