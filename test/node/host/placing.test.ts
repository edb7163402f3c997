/** The real threads, from the sources: what the bundle has is tested with it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  type PlacingAnswer,
  type PlacingMessage,
  placingOrder,
  SharedNodesWriter,
  World,
} from "../../../federation/index.ts";
import { placingThreads } from "../../../node/host/placing/threads.ts";
import { MIB, nodeOf, sizedGroup, specOf, viewOf } from "../../federation/fixtures.ts";

const ENTRY = join(import.meta.dirname, "..", "..", "..", "node", "host", "placing", "main.ts");

function start(entry = ENTRY) {
  const told = Promise.withResolvers<PlacingAnswer>();
  const gone = Promise.withResolvers<string>();
  const threads = placingThreads(entry, 4);
  const thread = threads.start({ answered: told.resolve, ended: gone.resolve });
  return { thread, answer: told.promise, ended: gone.promise };
}

describe("planning threads", () => {
  test("leave a core to the ledger, and are few", () => {
    assert.deepEqual(
      [1, 2, 3, 64].map((cores) => placingThreads(ENTRY, cores).max),
      [0, 1, 2, 4],
    );
  });

  test("answer an order from the shared columns, and end when they are closed", async () => {
    const world = new World(viewOf({ nodes: [nodeOf("a"), nodeOf("b")] }));
    const spec = specOf("shop", [sizedGroup("web", { cpu: 900, memoryBytes: MIB }, { count: 2 })]);
    const requests = [0, 1].map((index) => ({ group: "web", index }));
    const writer = new SharedNodesWriter(world.columns);
    const { answer, ended, thread } = start();
    const { generation, nodes } = world;
    thread.send({ kind: "nodes", nodes, complete: { generation, gone: [], buffers: writer.buffers } });
    // Written after the buffers were sent: the thread sees it because the memory is the same.
    world.hold(0, { cpu: 500, memoryBytes: 0 }, {});
    writer.write(world.columns, 0);
    thread.send(placingOrder(world, spec, requests, { id: 7, seed: 1 }));
    const { id, rows } = await answer;
    assert.deepEqual([id, [...rows].sort()], [7, [-1, 1]]);
    await thread.close();
    assert.match(await ended, /^it ended/);
  });

  test("say why they are gone", async () => {
    const broken = start();
    broken.thread.send({ kind: "place" } as PlacingMessage);
    assert.match(await broken.ended, /undefined/);
    const missing = start(`${ENTRY}.not-there`);
    assert.match(await missing.ended, /not-there/);
  });
});
