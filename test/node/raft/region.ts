/** Some peers of one region on one clock, each with a disk of its own, joined by links in memory. */
import assert from "node:assert/strict";
import type { NodeId } from "../../../federation/index.ts";
import { seededRandom } from "../../../federation/random.ts";
import { ManualClock } from "../../../lab/clock.ts";
import { MemoryDisk } from "../../../lab/disk.ts";
import type { RaftGroupLimits } from "../../../node/raft/group-options.ts";
import { LinkHub } from "../../support/link-hub.ts";
import { type OpenedList, openList, SMALL } from "./register.ts";

export const id = (name: string) => name as NodeId;

export class Region {
  readonly clock = new ManualClock();
  readonly hub = new LinkHub();
  readonly disks = new Map<string, MemoryDisk>();
  readonly peers = new Map<string, OpenedList>();
  readonly #limits: Partial<RaftGroupLimits>;

  constructor(limits: Partial<RaftGroupLimits> = SMALL) {
    this.#limits = limits;
  }

  /** `names` voters: the first one founds, the others join. */
  static async of(names: readonly string[], limits?: Partial<RaftGroupLimits>): Promise<Region> {
    const region = new Region(limits);
    const [founder = "", ...others] = names;
    const { group } = await region.open(founder, "found");
    for (const name of others) {
      await region.open(name, "join");
      await region.during(group.addLearner(id(name)));
    }
    await region.clock.advance(1000);
    if (others.length > 0) await region.during(group.changeVoters(names.map(id)));
    await region.clock.advance(1000);
    return region;
  }

  async open(name: string, founding: "found" | "join"): Promise<OpenedList> {
    const hardware =
      this.disks.get(name) ?? new MemoryDisk({ random: seededRandom(name), clock: this.clock });
    this.disks.set(name, hardware);
    const links = this.hub.join(name);
    const opening = openList(hardware.mount(), this.clock, {
      ...{ self: name, founding, links, limits: this.#limits },
    });
    const opened = await this.during(opening);
    this.peers.set(name, opened);
    for (const other of this.peers.keys()) if (other !== name) this.hub.open(name, other);
    return opened;
  }

  at(name: string): OpenedList {
    const peer = this.peers.get(name);
    assert.ok(peer !== undefined);
    return peer;
  }

  /** Time passes until it is settled. */
  async during<Value>(work: Promise<Value>): Promise<Value> {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    work.then(end, end);
    for (let count = 0; !isOver && count < 2000; count += 1) await this.clock.advance(10);
    assert.ok(isOver, "it comes to an end");
    return work;
  }

  get leader(): OpenedList {
    const leaders = [...this.peers.values()].filter(({ group }) => group.status().role === "leader");
    leaders.sort((left, right) => right.group.status().term - left.group.status().term);
    assert.ok(leaders[0] !== undefined, "there is a leader");
    return leaders[0];
  }

  /** The process is gone, and its machine resets its links. */
  kill(name: string, how: "crash" | "kill" = "kill"): void {
    const disk = this.disks.get(name);
    if (how === "crash") disk?.crash();
    else disk?.kill();
    this.hub.leave(name);
    this.peers.delete(name);
  }

  values(name: string): string[] {
    return this.at(name).list.map(({ value }) => value);
  }
}
