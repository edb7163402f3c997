/**
 * The leader's eye on the nodes: what SWIM finds dead, and whose keeper is silent too, is told to the ledger,
 * so that its work runs elsewhere (S7). A peer whose keeper answers died alone: its tasks run on, and are not
 * doubled.
 */
import {
  type Cancel,
  type Host,
  type MemberView,
  type NodeId,
  PeerError,
  startOf,
} from "../../federation/index.ts";
import type { Authority } from "../authority/authority.ts";
import type { Membership } from "../swim/membership.ts";
import type { Duty } from "./leadership.ts";

const RETRY_MS = 500;

export interface NodeWatchWorld {
  readonly host: Pick<Host, "clock" | "log">;
  readonly authority: Pick<Authority, "ledger" | "propose">;
  readonly membership: Pick<Membership, "members" | "member" | "watch">;
}

export class NodeWatch implements Duty {
  readonly #world: NodeWatchWorld;
  #unwatch: Cancel = () => undefined;
  readonly #retries = new Map<NodeId, Cancel>();
  #closed = false;

  constructor(world: NodeWatchWorld) {
    this.#world = world;
  }

  start(): void {
    const { membership } = this.#world;
    this.#unwatch = membership.watch(({ member }) => this.#judge(member));
    for (const member of membership.members()) this.#judge(member);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unwatch();
    for (const cancel of this.#retries.values()) cancel();
  }

  #judge(member: MemberView): void {
    const isGone = member.state === "left" || (member.state === "dead" && member.keeper !== "answers");
    const node = this.#world.authority.ledger.node(member.id);
    this.#retries.get(member.id)?.();
    this.#retries.delete(member.id);
    if (!isGone || node === undefined || node.status === "down") return;
    // It has registered under a later start than the one that is gone.
    if (startOf(member.incarnation) < node.incarnation) return;
    const why = member.state === "left" ? "it left" : "it does not answer, and neither does its keeper";
    void this.#lose(member.id, node.incarnation, why);
  }

  async #lose(id: NodeId, incarnation: number, reason: string): Promise<void> {
    const { authority, host, membership } = this.#world;
    try {
      await authority.propose({ kind: "node.down", id, incarnation, reason, atMs: host.clock.wall() });
    } catch (cause) {
      if (!(cause instanceof PeerError)) throw cause;
      if (this.#closed || cause.code === "conflict") return;
      host.log("warn", "a dead node could not be given up yet", { node: id, error: cause.message });
      const again = host.clock.after(RETRY_MS, () => {
        const member = membership.member(id);
        if (member !== undefined) this.#judge(member);
      });
      this.#retries.set(id, again);
    }
  }
}
