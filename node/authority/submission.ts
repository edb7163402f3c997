/**
 * Takes what people ask for: writes it as a signed entry (durable), then has the authority admit it (S1, S2).
 * One submission a job at a time, so that two in flight follow each other instead of conflicting.
 */

import type { IntentWriter } from "../../crdt/index.ts";
import {
  canonicalText,
  type Hash,
  type Host,
  type JobId,
  type JobIntent,
  type JobRecord,
  type JobSpec,
  jobDocument,
  PeerError,
  rolloutOf,
} from "../../federation/index.ts";
import type { SubmitOptions, SubmitReceipt } from "../service/service.ts";
import type { Admission } from "./admission.ts";
import type { Authority } from "./authority.ts";
import type { IntentArrival } from "./intent-arrival.ts";
import type { IntentReader } from "./intents.ts";
import type { Turns } from "./turns.ts";

interface Change {
  readonly namespace: string;
  readonly job: JobId;
  readonly operation: "run" | "stop";
  readonly spec?: JobSpec;
}

export interface SubmissionWorld {
  readonly host: Host;
  readonly authority: Authority;
  readonly admission: Admission;
  readonly writer: IntentWriter;
  readonly intents: IntentReader;
  readonly turns: Turns;
  readonly arrival: IntentArrival;
}

export class Submissions {
  readonly #host: Host;
  readonly #authority: Authority;
  readonly #admission: Admission;
  readonly #writer: IntentWriter;
  readonly #intents: IntentReader;
  readonly #turns: Turns;
  readonly #arrival: IntentArrival;

  constructor(world: SubmissionWorld) {
    this.#host = world.host;
    this.#authority = world.authority;
    this.#admission = world.admission;
    this.#writer = world.writer;
    this.#intents = world.intents;
    this.#turns = world.turns;
    this.#arrival = world.arrival;
  }

  run(spec: JobSpec, options: SubmitOptions): Promise<SubmitReceipt> {
    return this.#inTurn({ namespace: spec.namespace, job: spec.id, operation: "run", spec }, options);
  }

  stop(namespace: string, job: JobId, options: SubmitOptions): Promise<SubmitReceipt> {
    return this.#inTurn({ namespace, job, operation: "stop" }, options);
  }

  #inTurn(change: Change, options: SubmitOptions): Promise<SubmitReceipt> {
    const document = jobDocument(change.namespace, change.job);
    return this.#turns.take(document, () => this.#submit(document, change, options));
  }

  async #submit(document: string, change: Change, options: SubmitOptions): Promise<SubmitReceipt> {
    await this.#catchUp(document, change);
    const intent = this.#intents(document);
    this.#check(change, intent, options);
    const same = sameAsNow(intent, change);
    if (same !== undefined && !this.#isPaused(change)) {
      const admitted = await this.#admission.admit(document);
      return this.#receipt(change, same, admitted, false);
    }
    const versionId = await this.#writer.writeJobVersion({
      namespace: change.namespace,
      job: change.job,
      parents: intent.heads,
      operation: change.operation,
      ...(change.spec === undefined ? {} : { spec: change.spec }),
      submittedAtMs: this.#host.clock.wall(),
      submittedBy: options.submittedBy,
    });
    const admitted = await this.#admission.admit(document);
    return this.#receipt(change, versionId, admitted, true);
  }

  /** The same job once more is how people say: go on. */
  #isPaused({ job, namespace, operation }: Change): boolean {
    const { ledger } = this.#authority;
    const record = ledger.job(namespace, job);
    return operation === "run" && record !== undefined && rolloutOf(ledger, record).state === "paused";
  }

  /** What follows a version that has not come here yet would be a conflict with it (S3). */
  async #catchUp(document: string, { job, namespace }: Change): Promise<void> {
    await this.#arrival.expect(document, this.#authority.ledger.job(namespace, job)?.heads ?? [], job);
  }

  #check(change: Change, intent: JobIntent, options: SubmitOptions): void {
    const record = this.#authority.ledger.job(change.namespace, change.job);
    if (change.operation === "stop" && intent.winner === undefined) {
      throw new PeerError("not_found", `there is no job ${change.job} in namespace ${change.namespace}`, {
        hint: "`peer job ls` lists the jobs",
      });
    }
    checkIndex(record, change.job, options);
  }

  #receipt(change: Change, versionId: Hash, admitted: boolean, changed: boolean): SubmitReceipt {
    const record = this.#authority.ledger.job(change.namespace, change.job);
    const version = record?.versions.find((candidate) => candidate.id === versionId);
    const evaluation = this.#authority.ledger.evaluationsOfJob(change.namespace, change.job).at(-1)?.id;
    return {
      namespace: change.namespace,
      job: change.job,
      versionId,
      ...(version === undefined ? {} : { version: version.number }),
      ...(evaluation === undefined ? {} : { evaluation }),
      index: record?.modifyIndex ?? 0,
      safety: admitted ? "admitted" : "durable",
      changed,
    };
  }
}

/** Throws PeerError `conflict` where somebody changed the job since it was looked at. */
export function checkIndex(record: JobRecord | undefined, job: JobId, options: SubmitOptions): void {
  if (options.checkIndex === undefined) return;
  const index = record?.modifyIndex ?? 0;
  if (options.checkIndex === index) return;
  throw new PeerError("conflict", `job ${job} is at index ${index}, not ${options.checkIndex}`, {
    hint: "someone changed it meanwhile: look at it again and submit with its present index",
  });
}

/** The present version, when the change would only say the same again: a retry makes no new version. */
function sameAsNow(intent: JobIntent, change: Change): Hash | undefined {
  const { winner } = intent;
  if (winner === undefined || intent.heads.length !== 1) return undefined;
  if (change.operation === "stop") return intent.stopped ? winner.id : undefined;
  if (intent.stopped || winner.spec === undefined || change.spec === undefined) return undefined;
  return canonicalText(winner.spec) === canonicalText(change.spec) ? winner.id : undefined;
}
