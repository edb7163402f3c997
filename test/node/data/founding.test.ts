import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PeerError, seededRandom } from "../../../federation/index.ts";
import { MemoryDisk } from "../../../lab/index.ts";
import { checkFounded, markFounded } from "../../../node/data/founding.ts";

const LOGS = ["intent/0000000000000001.log", "raft/log/0000000000000001.log"];

async function founded() {
  const disk = new MemoryDisk({ random: seededRandom(1) }).mount();
  for (const path of LOGS) await disk.write(path, new Uint8Array([1]));
  await markFounded(disk);
  return disk;
}

describe("the logs of a data directory", () => {
  test("need not be there before they were made", async () => {
    await checkFounded(new MemoryDisk({ random: seededRandom(1) }).mount(), "/data");
  });

  test("are there on every later start", async () => {
    const disk = await founded();
    await checkFounded(disk, "/data");
    await markFounded(disk);
    await checkFounded(disk, "/data");
  });

  for (const folder of ["intent", "raft/log"]) {
    test(`${folder} that went missing is damage, and nothing is made in its place`, async () => {
      const disk = await founded();
      await disk.remove(folder);
      await assert.rejects(checkFounded(disk, "/data"), (error) => {
        assert.ok(error instanceof PeerError);
        assert.equal(error.code, "damaged");
        assert.match(error.message, new RegExp(`/data/${folder} is missing`));
        return true;
      });
      assert.deepEqual(await disk.list(folder), []);
    });
  }
});
