/** A region of simulated machines on one clock: the first founds it, the others join. */
import { FOUNDER_CAPABILITIES, type NodeId, signLink } from "../../../federation/index.ts";
import { LabMachine, ManualClock } from "../../../lab/index.ts";
import { LinkHub } from "../../support/link-hub.ts";

export class LabRegion {
  readonly hub = new LinkHub();
  readonly clock = new ManualClock();
  readonly machines: LabMachine[] = [];
  /** Whose power is off. */
  readonly #dark = new Set<NodeId>();

  static async of(count: number): Promise<LabRegion> {
    const region = new LabRegion();
    for (let n = 0; n < count; n += 1) await region.add();
    return region;
  }

  async add(): Promise<LabMachine> {
    const name = `m${this.machines.length}`;
    const [first] = this.machines;
    const machine = new LabMachine(`region ${name}`, {
      clock: this.clock,
      name,
      openLinks: ({ nodeId }) => this.hub.join(nodeId),
      keepers: { answers: async (node) => !this.#dark.has(node) },
      ...(first === undefined ? {} : { redeem: async (key) => membershipOf(first, key) }),
    });
    this.machines.push(machine);
    await this.boot(machine);
    return machine;
  }

  /** Its peer starts, and links come to be with all that run. */
  async boot(machine: LabMachine): Promise<void> {
    await machine.start();
    const { nodeId } = machine.peer.identity;
    this.#dark.delete(nodeId);
    for (const other of this.running()) {
      if (other !== machine) this.hub.open(nodeId, other.peer.identity.nodeId);
    }
  }

  /** `crash`: the machine loses its power; `kill`: its peer alone dies. */
  async fail(machine: LabMachine, how: "kill" | "crash"): Promise<void> {
    const { nodeId } = machine.peer.identity;
    if (how === "crash") this.#dark.add(nodeId);
    await machine.stop(how);
    this.hub.leave(nodeId);
  }

  running(): readonly LabMachine[] {
    return this.machines.filter((machine) => machine.isRunning);
  }

  leader(): LabMachine | undefined {
    return this.running().find((machine) => machine.peer.service.status().raft.role === "leader");
  }

  /** Lets time pass until it is so. */
  async until(what: string, isSo: () => boolean, withinMs = 60_000): Promise<void> {
    for (let passedMs = 0; !isSo(); passedMs += 50) {
      if (passedMs > withinMs) throw new Error(`did not happen within ${withinMs} ms: ${what}`);
      await this.clock.advance(50);
    }
  }
}

async function membershipOf(founder: LabMachine, key: Parameters<typeof signLink>[1]) {
  const { region, root, rootSigner } = founder.peer.identity;
  if (rootSigner === undefined) throw new Error("the founder holds the root");
  const chain = [signLink(rootSigner, key, FOUNDER_CAPABILITIES)];
  return { root, chain, founding: region.founding };
}
