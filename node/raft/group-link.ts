/** The group's end of the links: frames of its own region and generation in and out (S9). */
import { type NodeId, PeerError } from "../../federation/index.ts";
import { decodeFrame, encodeFrame, type Frame, type FrameBody } from "./frame.ts";
import type { RaftGroupOptions } from "./group-options.ts";

type LinkParts = Pick<RaftGroupOptions<unknown>, "generation" | "links" | "log" | "regionId">;

export class GroupLink {
  readonly #parts: LinkParts;
  /** Frames that were not taken. */
  dropped = 0;

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  /** False: there is no link, or it is full. */
  send(peer: string, body: FrameBody, term: number): boolean {
    const { generation, links, regionId } = this.#parts;
    return links.send(peer as NodeId, "raft", encodeFrame({ regionId, generation, term, body }));
  }

  /** Undefined (and counted) for what is malformed, or of another region or generation. */
  receive(peer: NodeId, data: Uint8Array): Frame | undefined {
    try {
      const frame = decodeFrame(data);
      const { generation, regionId } = this.#parts;
      if (frame.regionId === regionId && frame.generation === generation) return frame;
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      this.#parts.log("warn", "a Raft message was dropped", { peer, reason: error.message });
    }
    this.dropped += 1;
    return undefined;
  }
}
