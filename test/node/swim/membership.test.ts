import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type NodeId, seededRandom } from "../../../federation/index.ts";
import { ManualClock } from "../../../lab/index.ts";
import { Membership } from "../../../node/swim/membership.ts";
import { LinkHub } from "../../support/link-hub.ts";

const NAMES = ["a", "b", "c"] as const;

class Region {
  readonly clock = new ManualClock();
  readonly hub = new LinkHub();
  readonly asked: string[] = [];
  /** What keepers answer; a rejection stands for a probe that failed here. */
  keeper: (peer: NodeId) => Promise<boolean> = async () => true;
  readonly memberships = NAMES.map((name) => this.join(name, 1));

  constructor() {
    for (const each of this.memberships) each.setMembers(NAMES.map((name) => name as NodeId));
    for (const [at, left] of NAMES.entries())
      for (const right of NAMES.slice(at + 1)) this.hub.open(left, right);
  }

  join(name: string, start: number): Membership {
    const world = {
      clock: this.clock,
      random: seededRandom(name),
      links: this.hub.join(name),
      log: () => undefined,
      askKeeper: (peer: NodeId) => {
        this.asked.push(`${name} ${peer}`);
        return this.keeper(peer);
      },
    };
    return new Membership(world, { self: name as NodeId, start, mesh: "m", meta: Uint8Array.of(1) });
  }

  state(by: number, name: string): string | undefined {
    return this.memberships[by]?.member(name as NodeId)?.state;
  }

  close(): void {
    for (const each of this.memberships) each.close();
  }
}

describe("membership", () => {
  test("members meet over their links and stay alive to one another", async () => {
    const region = new Region();
    await region.clock.advance(20_000);
    for (const by of [0, 1, 2]) {
      assert.deepEqual(
        NAMES.map((name) => region.state(by, name)),
        ["alive", "alive", "alive"],
      );
    }
    assert.deepEqual(region.memberships[0]?.member("b" as NodeId)?.meta, Uint8Array.of(1));
    region.close();
    assert.equal(region.clock.timers, 0, "a closed membership leaves no timer");
  });

  test("a closed link and a silent keeper end a member at once, told in order", async () => {
    const region = new Region();
    await region.clock.advance(1_000);
    const told: string[] = [];
    region.memberships[0]?.watch(({ change, member }) => told.push(`${member.id} ${change}`));
    for (const each of region.memberships) each.setLeader("a" as NodeId);
    region.keeper = async () => false;
    region.memberships[2]?.close();
    region.hub.cut("a", "c");
    region.hub.cut("b", "c");
    await region.clock.advance(100);
    assert.deepEqual(told, ["c suspect", "c keeper", "c dead"]);
    assert.deepEqual(region.asked.sort(), ["a c", "b c"]);
    region.close();
  });

  test("a keeper probe that fails here is no evidence", async () => {
    const region = new Region();
    await region.clock.advance(1_000);
    for (const each of region.memberships) each.setLeader("a" as NodeId);
    region.keeper = () => Promise.reject(new Error("no socket left"));
    region.memberships[2]?.close();
    region.hub.cut("a", "c");
    region.hub.cut("b", "c");
    await region.clock.advance(1_000);
    assert.equal(region.state(0, "c"), "suspect");
    region.close();
  });

  test("a farewell reaches the others before the peer goes", async () => {
    const region = new Region();
    await region.clock.advance(1_000);
    const leaving = region.memberships[2]?.leave();
    await region.clock.advance(3_000);
    await leaving;
    assert.equal(region.state(0, "c"), "left");
    assert.equal(region.state(1, "c"), "left");
    region.close();
  });

  test("messages that the links refuse are counted, and made up for", async () => {
    const region = new Region();
    await region.clock.advance(1_000);
    region.hub.carries = () => false;
    await region.clock.advance(1_500);
    assert.ok((region.memberships[0]?.counters.refusedSends ?? 0) > 0);
    region.hub.carries = () => true;
    await region.clock.advance(20_000);
    assert.equal(region.state(0, "b"), "alive");
    region.close();
  });
});
