/**
 * The way of a command to the region's leader, wherever that is: proposed here, or handed on to the peer that
 * leads. What is under way when a leader is lost is handed to the next one, so a command that comes twice
 * must do the same as once.
 */
import {
  type Cancel,
  type Command,
  type CommandOutcome,
  decodeCommand,
  encodeCommand,
  type Host,
  type NodeId,
  PeerError,
  type RaftStatus,
} from "../../federation/index.ts";
import type { Calls } from "../calls/calls.ts";

const METHOD = "ledger.propose";
/** Elections are over long before; then nobody can be asked for now. */
const TIMEOUT_MS = 10_000;
/** A leader that answers at all answers within this. */
const ATTEMPT_MS = 5_000;
const RETRY_FIRST_MS = 20;
const RETRY_MAX_MS = 500;

/** What the proposals need of the Raft group. */
export interface Consensus {
  propose(data: Uint8Array): Promise<{ readonly index: number; readonly result: CommandOutcome }>;
  status(): Pick<RaftStatus, "role" | "leader">;
  /** Called when leader or role may have changed. */
  watchRole(listener: () => void): Cancel;
}

export interface ProposalsWorld {
  readonly host: Pick<Host, "clock" | "random">;
  readonly self: NodeId;
  readonly calls: Calls;
  readonly consensus: Consensus;
  /** Resolves once this peer has applied the entry. */
  applied(index: number): Promise<void>;
}

export interface Proposed {
  readonly index: number;
  readonly outcome: Extract<CommandOutcome, { ok: true }>;
}

export class Proposals {
  readonly #world: ProposalsWorld;

  constructor(world: ProposalsWorld) {
    this.#world = world;
    world.calls.handle(METHOD, (peer, payload) => this.#serve(peer, payload));
  }

  /**
   * Durable on a majority and applied here on return. A refusal by the ledger is a PeerError; so is
   * `unavailable`: no leader could be reached, and nobody can tell whether it was taken.
   */
  async propose(command: Command): Promise<Proposed> {
    const data = encodeCommand(command);
    const { clock } = this.#world.host;
    const deadlineMs = clock.monotonic() + TIMEOUT_MS;
    let pauseMs = RETRY_FIRST_MS;
    for (;;) {
      try {
        return outcomeOf(await this.#attempt(data));
      } catch (cause) {
        if (!isPassing(cause) || clock.monotonic() + pauseMs > deadlineMs) throw cause;
      }
      await this.#pause(pauseMs);
      pauseMs = Math.min(RETRY_MAX_MS, pauseMs * 2);
    }
  }

  async #attempt(data: Uint8Array): Promise<Answer> {
    const { calls, consensus, self } = this.#world;
    const { leader } = consensus.status();
    if (leader === self) return consensus.propose(data);
    if (leader === "") throw noLeader();
    const answer = decodeAnswer(await calls.call(leader as NodeId, METHOD, data, ATTEMPT_MS));
    await this.#world.applied(answer.index);
    return answer;
  }

  /** Until something about the leader changes, or for a while. */
  #pause(durationMs: number): Promise<void> {
    const { consensus, host } = this.#world;
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        unwatch();
        resolve();
      };
      const cancel = host.clock.after(durationMs * (1 + host.random.next() / 4), done);
      const unwatch = consensus.watchRole(done);
    });
  }

  async #serve(peer: NodeId, payload: Uint8Array): Promise<Uint8Array> {
    const command = decodeCommand(payload);
    if (!mayPropose(peer, command)) {
      throw new PeerError("forbidden", `peer ${peer} may not propose ${command.kind} of others`);
    }
    return encodeAnswer(await this.#world.consensus.propose(payload));
  }
}

/** A member speaks for itself, and hands on what people ask of single allocations. */
function mayPropose(peer: NodeId, command: Command): boolean {
  switch (command.kind) {
    case "node.register":
      return command.node.id === peer;
    case "allocation.report":
      return command.nodeId === peer;
    case "allocation.stop":
    case "allocation.restart":
      return true;
    default:
      return false;
  }
}

interface Answer {
  readonly index: number;
  readonly result: CommandOutcome;
}

function outcomeOf({ index, result }: Answer): Proposed {
  if (result.ok) return { index, outcome: result };
  throw new PeerError(result.code === "stale" ? "conflict" : result.code, result.message, {
    retryable: result.code === "stale",
  });
}

/** It may pass by itself: there will be a leader, or a link to it. */
function isPassing(cause: unknown): boolean {
  if (!(cause instanceof PeerError)) return false;
  return cause.code === "not_leader" || (cause.retryable && PASSING.has(cause.code));
}

const PASSING: ReadonlySet<string> = new Set(["unavailable", "timeout"]);

function noLeader(): PeerError {
  return new PeerError("unavailable", "the region has no leader at present", {
    hint: "what runs goes on; try again once a majority of its voters is up (`peer region status`)",
    retryable: true,
  });
}

function encodeAnswer(answer: Answer): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(answer));
}

function decodeAnswer(data: Uint8Array): Answer {
  return JSON.parse(new TextDecoder().decode(data)) as Answer;
}
