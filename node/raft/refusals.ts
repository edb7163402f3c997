/** What those are told whose change or read the group can't take, or can't answer. */
import { PeerError } from "../../federation/index.ts";

/** `details` names the leader under `leader`, where one is known. */
export function notLeader(leader: string): PeerError {
  const isKnown = leader !== "";
  return new PeerError(
    "not_leader",
    `this peer does not lead its region${isKnown ? `; ${leader} does` : ""}`,
    {
      hint: isKnown ? "ask the leader" : "the region is choosing a leader: try again in a moment",
      details: isKnown ? [{ path: "leader", message: leader }] : [],
      retryable: true,
    },
  );
}

export function busy(what: string): PeerError {
  return new PeerError("too_many_requests", what, { hint: "try again in a moment", retryable: true });
}

/** The change is in a log and nobody here can tell whether it will stand. */
export function unknownOutcome(why: string): PeerError {
  return new PeerError("unavailable", `${why} before the outcome of this change was known`, {
    hint: "look whether it happened before you try again",
  });
}

export function groupFailed(cause: unknown): PeerError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new PeerError("unavailable", `the authority stopped: ${reason}`, {
    hint: "what was acknowledged is safe; whether this change stands shows when the peer has started again",
    cause,
  });
}
