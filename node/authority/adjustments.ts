/** Takes counts and tags: what people set beside a job's versions, each a register of its own (S3). */
import type { IntentWriter } from "../../crdt/index.ts";
import {
  type GroupSpec,
  type Host,
  isTagName,
  type JobId,
  type JobIntent,
  type JobRecord,
  jobDocument,
  PeerError,
  runsOnEveryNode,
  TAGS_MAX,
} from "../../federation/index.ts";
import { COUNT_MAX } from "../jobfile/index.ts";
import type { SubmitOptions, SubmitReceipt } from "../service/service.ts";
import type { Admission } from "./admission.ts";
import type { Authority } from "./authority.ts";
import type { IntentReader } from "./intents.ts";
import { checkIndex, type SubmissionWorld } from "./submission.ts";
import type { Turns } from "./turns.ts";

export interface ScaleWish {
  readonly namespace: string;
  readonly job: JobId;
  /** May be left out where the job has one group. */
  readonly group?: string;
  readonly count: number;
}

export interface TagWish {
  readonly namespace: string;
  readonly job: JobId;
  readonly name: string;
  /** Number of an admitted version; default: the present one. Absent with `remove`. */
  readonly version?: number;
  readonly description?: string;
  readonly remove?: boolean;
}

interface Subject {
  readonly intent: JobIntent;
  readonly record: JobRecord;
}

export class Adjustments {
  readonly #host: Host;
  readonly #authority: Authority;
  readonly #admission: Admission;
  readonly #writer: IntentWriter;
  readonly #intents: IntentReader;
  readonly #turns: Turns;
  readonly #arrival: SubmissionWorld["arrival"];

  constructor(world: SubmissionWorld) {
    this.#host = world.host;
    this.#authority = world.authority;
    this.#admission = world.admission;
    this.#writer = world.writer;
    this.#intents = world.intents;
    this.#turns = world.turns;
    this.#arrival = world.arrival;
  }

  /** PeerError `not_found`, `bad_request` or `conflict` (stopped, or changed since `checkIndex`). */
  scale(wish: ScaleWish, options: SubmitOptions): Promise<SubmitReceipt> {
    const document = jobDocument(wish.namespace, wish.job);
    return this.#turns.take(document, () => this.#scale(document, wish, options));
  }

  /** PeerError `not_found`, `bad_request` or `conflict` (too many of them). */
  tag(wish: TagWish, options: SubmitOptions): Promise<SubmitReceipt> {
    const document = jobDocument(wish.namespace, wish.job);
    return this.#turns.take(document, () => this.#tag(document, wish, options));
  }

  #catchUp(document: string, { job, namespace }: Pick<ScaleWish, "namespace" | "job">): Promise<void> {
    return this.#arrival.expect(document, this.#authority.ledger.job(namespace, job)?.heads ?? [], job);
  }

  async #scale(document: string, wish: ScaleWish, options: SubmitOptions): Promise<SubmitReceipt> {
    const { count, job, namespace } = wish;
    await this.#catchUp(document, wish);
    const { intent, record } = this.#subject(document, wish);
    checkIndex(record, job, options);
    const group = groupToScale(intent, record, wish);
    const held = intent.scales.find((scale) => scale.group === group.name);
    const isSame = count === (held?.count ?? group.count);
    if (!isSame) {
      await this.#writer.writeJobRegister("job.scale", {
        namespace,
        job,
        group: group.name,
        count,
        parents: intent.scaleRegisters.get(group.name)?.heads ?? [],
        versions: intent.heads,
        submittedAtMs: this.#host.clock.wall(),
        submittedBy: options.submittedBy,
      });
    }
    return this.#receipt(document, wish, !isSame);
  }

  async #tag(document: string, wish: TagWish, options: SubmitOptions): Promise<SubmitReceipt> {
    const { description, job, name, namespace, remove = false } = wish;
    await this.#catchUp(document, wish);
    const { intent, record } = this.#subject(document, wish);
    checkIndex(record, job, options);
    if (!isTagName(name)) {
      throw new PeerError("bad_request", `${JSON.stringify(name)} is no name of a tag`, {
        hint: "letters, digits and -_., at most 63, and not digits alone",
      });
    }
    const register = intent.tagRegisters.get(name);
    const present = register?.winner.body;
    const version = remove ? undefined : versionToTag(record, wish.version);
    if (remove && present?.version === undefined) {
      const names = (record.tags ?? []).map((tag) => tag.name).join(", ");
      const hint = names === "" ? "it has no tags" : `it has ${names}`;
      throw new PeerError("not_found", `job ${job} has no tag ${name}`, { hint });
    }
    const isSame = present?.version === version && (remove || present?.description === description);
    if (!isSame) {
      if (!remove) refuseTooMany(record, name);
      await this.#writer.writeJobRegister("job.tag", {
        namespace,
        job,
        name,
        ...(version === undefined ? {} : { version }),
        ...(description === undefined || remove ? {} : { description }),
        parents: register?.heads ?? [],
        submittedAtMs: this.#host.clock.wall(),
        submittedBy: options.submittedBy,
      });
    }
    return this.#receipt(document, wish, !isSame);
  }

  #subject(document: string, { job, namespace }: Pick<ScaleWish, "job" | "namespace">): Subject {
    const intent = this.#intents(document);
    const record = this.#authority.ledger.job(namespace, job);
    if (intent.winner !== undefined && record !== undefined) return { intent, record };
    throw new PeerError("not_found", `there is no job ${job} in namespace ${namespace}`, {
      hint: "`peer job ls` lists the jobs",
    });
  }

  async #receipt(
    document: string,
    { job, namespace }: Pick<ScaleWish, "job" | "namespace">,
    changed: boolean,
  ): Promise<SubmitReceipt> {
    const admitted = await this.#admission.admit(document);
    const { ledger } = this.#authority;
    const record = ledger.job(namespace, job);
    const current = record?.versions.at(-1);
    if (record === undefined || current === undefined) {
      throw new PeerError("not_found", `job ${job} was stopped and forgotten meanwhile`);
    }
    const evaluation = ledger.evaluationsOfJob(namespace, job).at(-1)?.id;
    return {
      namespace,
      job,
      versionId: current.id,
      version: current.number,
      ...(evaluation === undefined ? {} : { evaluation }),
      index: record.modifyIndex,
      safety: admitted ? "admitted" : "durable",
      changed,
    };
  }
}

function groupToScale(intent: JobIntent, { id }: JobRecord, { count, group: name }: ScaleWish): GroupSpec {
  const spec = intent.winner?.spec;
  if (spec === undefined) {
    throw new PeerError("conflict", `job ${id} is stopped`, { hint: "submit it again to start it" });
  }
  if (runsOnEveryNode(spec.type)) {
    throw new PeerError("bad_request", `a ${spec.type} job runs once on every node that fits`, {
      hint: "change its constraints to have more or fewer nodes fit",
    });
  }
  if (!Number.isInteger(count) || count < 0 || count > COUNT_MAX) {
    throw new PeerError("bad_request", `count must be from 0 to ${COUNT_MAX}; this is ${count}`);
  }
  const [first, ...others] = spec.groups;
  if (name === undefined && first !== undefined && others.length === 0) return first;
  const group = spec.groups.find((candidate) => candidate.name === name);
  if (group !== undefined) return group;
  const hint = `it has ${spec.groups.map((candidate) => candidate.name).join(", ")}`;
  if (name === undefined)
    throw new PeerError("bad_request", `job ${spec.id} has more than one group`, { hint });
  throw new PeerError("not_found", `job ${spec.id} has no group ${name}`, { hint });
}

function versionToTag({ id, versions }: JobRecord, number: number | undefined) {
  const runs = versions.filter(({ operation }) => operation === "run");
  const found = number === undefined ? runs.at(-1) : runs.find((version) => version.number === number);
  if (found !== undefined) return found.id;
  throw new PeerError("not_found", `job ${id} has no version ${number ?? ""} to run`, {
    hint: `kept versions: ${runs.map((version) => version.number).join(", ")}`,
  });
}

function refuseTooMany({ id, tags = [] }: JobRecord, name: string): void {
  if (tags.length < TAGS_MAX || tags.some((tag) => tag.name === name)) return;
  throw new PeerError("conflict", `job ${id} has ${TAGS_MAX} tags, no more are kept`, {
    hint: `remove one: \`peer job tag --remove ${tags[0]?.name} ${id}\``,
  });
}
