/** A node's lease heartbeats on their way to the leader, wherever that is (S8). */
import {
  decodeAgentAnswer,
  decodeAgentRequest,
  encodeAgentMessage,
  type HeartbeatAnswer,
  type HeartbeatRequest,
  type NodeId,
  PeerError,
} from "../../federation/index.ts";
import type { Authority } from "../authority/authority.ts";
import type { LeaseGrants } from "../authority/lease-grants.ts";
import type { Calls } from "../calls/calls.ts";

const METHOD = "lease.heartbeat";
/** A later answer would grant too little to be worth waiting for. */
const CALL_MS = 2_000;

export interface HeartbeatsWorld {
  readonly self: NodeId;
  readonly calls: Calls;
  readonly authority: Pick<Authority, "status">;
  readonly grants: LeaseGrants;
}

export class Heartbeats {
  readonly #world: HeartbeatsWorld;

  constructor(world: HeartbeatsWorld) {
    this.#world = world;
    world.calls.handle(METHOD, async (peer, payload) => {
      const request = decodeAgentRequest(payload);
      if (!request.ok) throw request.error;
      if (request.value.kind !== "heartbeat" || request.value.nodeId !== peer) {
        throw new PeerError("forbidden", "a heartbeat is of the node that sends it");
      }
      return encodeAgentMessage(await world.grants.heartbeat(request.value));
    });
  }

  /** Throws PeerError where no leader acknowledged it. */
  async send(request: HeartbeatRequest): Promise<HeartbeatAnswer> {
    const { authority, calls, grants, self } = this.#world;
    const { leader } = authority.status();
    if (leader === self) return grants.heartbeat(request);
    if (leader === "") throw new PeerError("unavailable", "the region has no leader", { retryable: true });
    const bytes = await calls.call(leader as NodeId, METHOD, encodeAgentMessage(request), CALL_MS);
    const answer = decodeAgentAnswer(bytes);
    if (!answer.ok) throw answer.error;
    if (answer.value.kind === "acknowledged") return answer.value;
    throw new PeerError("internal", "the leader answered a heartbeat with something else");
  }
}
