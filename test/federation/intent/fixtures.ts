/** Keys, specifications and entries for the tests of intent. */
import {
  type CapabilityLink,
  countersign,
  type Entry,
  FOUNDER_CAPABILITIES,
  type Hash,
  type JobId,
  type JobSpec,
  type JobVersionBody,
  jobVersionContent,
  type Signer,
  signEntry,
  signLink,
  type ViaPosition,
} from "../../../federation/index.ts";
import { createCrypto } from "../../../node/host/crypto.ts";

export const crypto = createCrypto();

export function signerOf(number: number): Signer {
  return crypto.signer(new Uint8Array(32).fill(number));
}

export const root = signerOf(1);
export const peer = signerOf(2);
export const stranger = signerOf(3);
export const chain: readonly CapabilityLink[] = [signLink(root, peer.publicKey, FOUNDER_CAPABILITIES)];
export const INCARNATION = "1-0011223344556677";

export const JOB = "hello" as JobId;

/** Every optional field is there somewhere; `mark` makes specifications differ. */
export function specOf(mark = "a"): JobSpec {
  return {
    id: JOB,
    namespace: "default",
    type: "service",
    priority: 50,
    meta: { mark },
    constraints: [{ attribute: "attr.os", operator: "=", value: "linux" }],
    affinities: [{ attribute: "meta.tier", operator: "is_set", value: "", weight: -5 }],
    spreads: [{ attribute: "meta.rack", weight: 50, targets: [{ value: "r1", percent: 70 }] }],
    groups: [
      {
        constraints: [{ attribute: "", operator: "distinct_hosts", value: "" }],
        affinities: [{ attribute: "attr.arch", operator: "=", value: "arm64", weight: 50 }],
        spreads: [{ attribute: "meta.row", weight: 1, targets: [] }],
        diskBytes: 300_000_000,
        name: "web",
        count: 2,
        meta: {},
        restart: { attempts: 3, intervalMs: 600_000, delayMs: 5000, mode: "delay" },
        reschedule: {
          attempts: 0,
          unlimited: true,
          intervalMs: 0,
          delayMs: 30_000,
          delayFunction: "exponential",
          maxDelayMs: 3_600_000,
        },
        ports: [{ label: "http", static: 8080, to: 80 }, { label: "admin" }],
        services: [
          {
            name: "hello",
            port: "http",
            tags: ["public"],
            checks: [
              { ...timing("ready"), type: "http", port: "http", method: "GET", path: "/" },
              { ...timing("open"), type: "tcp", port: "http" },
              { ...timing("fine"), type: "script", task: "server", command: "true", args: ["-v"] },
            ],
          },
        ],
        tasks: [
          {
            constraints: [{ attribute: "attr.cpu.count", operator: ">=", value: "2" }],
            affinities: [{ attribute: "attr.arch", operator: "!=", value: "x64", weight: 1 }],
            name: "server",
            driver: "process",
            config: { command: "./server", args: ["--port", "80"], nested: [{ deep: null }] },
            env: { LOG: "info" },
            meta: {},
            resources: { cpu: 100, memoryBytes: 64 * 1024 * 1024 },
            killTimeoutMs: 5000,
            killSignal: "SIGTERM",
            logs: { maxFiles: 5, maxFileSizeBytes: 10_000_000 },
          },
        ],
      },
    ],
  };
}

function timing(name: string) {
  return { name, intervalMs: 5000, timeoutMs: 2000, successBeforePassing: 0, failuresBeforeCritical: 0 };
}

export function runBody(parents: readonly Hash[] = [], mark = "a"): JobVersionBody {
  return { ...stopBody(parents), operation: "run", spec: specOf(mark) };
}

export function stopBody(parents: readonly Hash[] = []): JobVersionBody {
  return {
    namespace: "default",
    job: JOB,
    parents: [...parents].sort(),
    operation: "stop",
    submittedAtMs: 1_700_000_000_000,
    submittedBy: "operator",
  };
}

const FIRST: ViaPosition = { viaIncarnation: INCARNATION, viaSequence: 1 };

/** Signed by `peer`, accepted by `peer`. */
export function entryOf(body: JobVersionBody, position: ViaPosition = FIRST): Entry<"job.version"> {
  return countersign(signEntry(jobVersionContent(body, peer, chain), peer), peer, position);
}
