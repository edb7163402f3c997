/**
 * How a peer comes into its region's Raft group: it asks whoever it is linked to, the leader takes it in as a
 * learner (S9, S10), and its log follows. A peer that has been taken in asks no more.
 */
import {
  type Cancel,
  type Host,
  isName,
  type Links,
  type NodeId,
  PeerError,
} from "../../federation/index.ts";
import type { Calls } from "../calls/calls.ts";

/** Take me in. */
const JOIN = "region.join";
/** Take in this peer, which asked me: of a member to the leader. */
const SPONSOR = "region.sponsor";
const CALL_MS = 3_000;
const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 10_000;

/** What joining needs of the Raft group. */
export interface Group {
  readonly isMember: boolean;
  readonly leader: string;
  /** Leader only; adding a member again is fine. PeerError `not_leader`, or `unavailable` while busy. */
  addLearner(peer: NodeId): Promise<void>;
  /** Called when leader, role or members may have changed. */
  watch(listener: () => void): Cancel;
}

export interface JoiningWorld {
  readonly host: Pick<Host, "clock" | "random" | "log">;
  readonly self: NodeId;
  readonly links: Links;
  readonly calls: Calls;
  readonly group: Group;
}

export class Joining {
  readonly #world: JoiningWorld;
  #stops: readonly Cancel[] = [];
  #timer: Cancel = () => undefined;
  #asking = false;
  #retryMs = RETRY_FIRST_MS;
  #closed = false;

  constructor(world: JoiningWorld) {
    this.#world = world;
    const done = new Uint8Array(0);
    world.calls.handle(JOIN, async (peer) => {
      await this.#serve(peer);
      return done;
    });
    world.calls.handle(SPONSOR, async (_sponsor, payload) => {
      const peer = new TextDecoder().decode(payload);
      if (!isName(peer)) throw new PeerError("bad_request", "not the id of a peer");
      await world.group.addLearner(peer as NodeId);
      return done;
    });
  }

  start(): void {
    const { group, links } = this.#world;
    if (group.isMember) return;
    const opened = () => {
      this.#retryMs = RETRY_FIRST_MS;
      void this.#ask();
    };
    const ignore = () => undefined;
    this.#stops = [links.watch({ opened, closed: ignore, message: ignore })];
    void this.#ask();
  }

  close(): void {
    this.#closed = true;
    this.#timer();
    for (const stop of this.#stops) stop();
  }

  /** Asks one linked peer after the other until one says that it is done, then again until it shows. */
  async #ask(): Promise<void> {
    const { calls, group, host, links } = this.#world;
    if (this.#asking || this.#closed || group.isMember) return;
    this.#asking = true;
    for (const peer of links.peers()) {
      try {
        await calls.call(peer, JOIN, new Uint8Array(0), CALL_MS);
        break;
      } catch (cause) {
        if (!(cause instanceof PeerError)) throw cause;
        host.log("debug", "not taken into the region yet", { peer, error: cause.message });
      }
    }
    this.#asking = false;
    if (this.#closed || group.isMember) return;
    this.#timer();
    this.#timer = host.clock.after(this.#retryMs * (1 + host.random.next() / 4), () => void this.#ask());
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
  }

  async #serve(peer: NodeId): Promise<void> {
    const { calls, group, self } = this.#world;
    const leader = group.leader as NodeId;
    if (leader === self) return group.addLearner(peer);
    if (leader === "") {
      throw new PeerError("unavailable", "the region has no leader at present", { retryable: true });
    }
    // Only the leader can: whoever is asked passes it on, in the name of who asked.
    await calls.call(leader, SPONSOR, new TextEncoder().encode(peer), CALL_MS);
  }
}
