/**
 * The protocol as bytes: canonical JSON with a format version, as the ledger's commands. What is not whole,
 * known and within its limits is no message; decoding never throws.
 */
import { canonicalBytes } from "../canonical.ts";
import { PeerError, type Problem } from "../errors.ts";
import { boolean, type Check, list, object, oneOf } from "../intent/shape.ts";
import { err, ok, type Result } from "../invariant.ts";
import type { Fence } from "../lease/fence.ts";
import { parseJson } from "../ledger/form/json.ts";
import { allocationReport } from "../ledger/form/row-form.ts";
import { count, delay, ITEMS_MAX, id, index } from "../ledger/form/values.ts";
import { allocation } from "./allocation-form.ts";
import type {
  AgentAnswer,
  AgentRequest,
  HeartbeatAnswer,
  HeartbeatRequest,
  PullAnswer,
  PullRequest,
  StatusAnswer,
  StatusRequest,
} from "./message.ts";
import { PULL_ALLOCATIONS_MAX } from "./pull.ts";
import { BATCH_REPORTS_MAX } from "./status-outbox.ts";

const PROTOCOL_VERSION = 1;
/** A page of allocations with many ports and tasks each. */
export const AGENT_MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

const identity = { nodeId: id, incarnation: count, bootId: id };
const fence = object<Fence>({ region: id, generation: count, term: count, index });

const requests: Readonly<Record<AgentRequest["kind"], Check>> = {
  pull: object<PullRequest>({ kind: oneOf("pull"), ...identity, sinceIndex: index }),
  status: object<StatusRequest>({
    kind: oneOf("status"),
    ...identity,
    sequence: count,
    reports: list(allocationReport, { max: BATCH_REPORTS_MAX }),
  }),
  heartbeat: object<HeartbeatRequest>({ kind: oneOf("heartbeat"), ...identity, sequence: count }),
};

const answers: Readonly<Record<AgentAnswer["kind"], Check>> = {
  pulled: object<PullAnswer>({
    kind: oneOf("pulled"),
    index,
    isWhole: boolean,
    // The rows of one entry stay together, and an entry places at most this many.
    allocations: list(allocation, { max: PULL_ALLOCATIONS_MAX + ITEMS_MAX }),
    hasMore: boolean,
  }),
  noted: object<StatusAnswer>({ kind: oneOf("noted"), sequence: count }),
  acknowledged: object<HeartbeatAnswer>({
    kind: oneOf("acknowledged"),
    sequence: count,
    bootId: id,
    intervalMs: delay,
    index,
    leases: list(object<HeartbeatAnswer["leases"][number]>({ allocation: id, leaseMs: delay, fence }), {
      max: ITEMS_MAX,
    }),
  }),
};

/** Throws PeerError: `bad_request` where it is no message of this protocol, `too_large` over the limit. */
export function encodeAgentMessage(message: AgentRequest | AgentAnswer): Uint8Array {
  const problem = formProblem({ ...requests, ...answers }, message);
  if (problem !== undefined) throw new PeerError("bad_request", `not an agent's message: ${problem}`);
  const bytes = canonicalBytes({ v: PROTOCOL_VERSION, message });
  if (bytes.length <= AGENT_MESSAGE_BYTES_MAX) return bytes;
  throw new PeerError("too_large", `an agent's message of ${bytes.length} bytes`, {
    hint: "send less at once",
  });
}

export function decodeAgentRequest(bytes: Uint8Array): Result<AgentRequest, PeerError> {
  return decode<AgentRequest>(requests, bytes);
}

export function decodeAgentAnswer(bytes: Uint8Array): Result<AgentAnswer, PeerError> {
  return decode<AgentAnswer>(answers, bytes);
}

function decode<Message>(
  forms: Readonly<Record<string, Check>>,
  bytes: Uint8Array,
): Result<Message, PeerError> {
  if (bytes.length > AGENT_MESSAGE_BYTES_MAX) {
    return err(new PeerError("too_large", `an agent's message of ${bytes.length} bytes`));
  }
  const { message, v } = envelopeOf(bytes);
  if (v !== PROTOCOL_VERSION) {
    return err(
      new PeerError("not_supported", `version ${String(v).slice(0, 32)} of the agent's protocol`, {
        hint: "upgrade the older of the two peers",
      }),
    );
  }
  const problem = formProblem(forms, message);
  return problem === undefined
    ? ok(message as Message)
    : err(new PeerError("bad_request", `not an agent's message: ${problem}`));
}

function envelopeOf(bytes: Uint8Array): { readonly message?: unknown; readonly v?: unknown } {
  try {
    return Object(parseJson(bytes)) as { readonly message?: unknown; readonly v?: unknown };
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    return {};
  }
}

function formProblem(forms: Readonly<Record<string, Check>>, message: unknown): string | undefined {
  const { kind } = Object(message) as { readonly kind?: unknown };
  if (typeof kind !== "string" || !Object.hasOwn(forms, kind)) return "it is of no known kind";
  const found: Problem | undefined = forms[kind]?.(message, "");
  return found === undefined ? undefined : `${found.path} ${found.message}`.trim();
}
