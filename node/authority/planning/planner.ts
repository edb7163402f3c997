/**
 * The leader's planning: takes evaluations in order, has each planned on the ledger as it is, proposes the
 * plan. A few plans are under way at once, so that one is made while another goes to the disk; what they
 * would take is kept from each other by guess, and by the ledger for sure. What it refuses is planned again
 * on the index of the refusal or later.
 */
import {
  type AllocationId,
  type Cancel,
  type CommandOutcome,
  draftPlan,
  type Evaluation,
  type EvaluationId,
  finishPlan,
  type Host,
  isOrderable,
  PeerError,
  type Placing,
  type Plan,
  type PlanDraft,
  placeDraft,
  placingFrom,
  Reservation,
  World,
} from "../../../federation/index.ts";
import type { Applied, Authority } from "../authority.ts";
import { BACKLOG_MIN, Crew } from "./crew.ts";
import { EvaluationTimers } from "./evaluation-timers.ts";
import type { PlacingThreads } from "./threads.ts";

/** Plans under way; each thread adds one. */
export const PLANS_MAX = 2;
/** An evaluation that was refused so often is planned while no other plan is under way: nobody starves. */
export const ATTEMPTS_TOGETHER_MAX = 2;
const REST_FIRST_MS = 10;
const REST_MAX_MS = 1_000;
const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 5_000;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export interface PlannerOptions {
  readonly plansMax?: number;
  /** None: all is planned in this thread. */
  readonly threads?: PlacingThreads | undefined;
}

type PlanningHost = Pick<Host, "clock" | "log" | "random">;

/** What planning needs of the authority. */
export type PlanningAuthority = Pick<Authority, "ledger" | "propose" | "watch">;

/** One evaluation whose plan is made or proposed. */
interface Flight {
  readonly isAlone: boolean;
  reservation: Reservation | undefined;
}

export class Planner {
  readonly #host: PlanningHost;
  readonly #authority: PlanningAuthority;
  readonly #plansMax: number;
  readonly #timers: EvaluationTimers;
  /** Follows the ledger entry by entry, so that a plan costs what changed and not what is there. */
  readonly #world: World;
  readonly #crew: Crew | undefined;
  readonly #flights = new Map<EvaluationId, Flight>();
  readonly #landing = new Set<Promise<void>>();
  /** Refused lately: each waits a moment. */
  readonly #resting = new Map<EvaluationId, Cancel>();
  /** Found no room beside plans under way: only without these it is sure that there is none. */
  readonly #doubtful = new Set<EvaluationId>();
  #unwatch: Cancel = () => undefined;
  #retry: Cancel | undefined;
  #retryMs = RETRY_FIRST_MS;
  #closed = false;

  constructor(
    host: PlanningHost,
    authority: PlanningAuthority,
    { plansMax = PLANS_MAX, threads }: PlannerOptions = {},
  ) {
    this.#host = host;
    this.#authority = authority;
    this.#plansMax = plansMax;
    this.#timers = new EvaluationTimers(host, authority);
    this.#world = new World(authority.ledger);
    this.#crew = threads === undefined ? undefined : new Crew(host, threads, this.#world);
  }

  start(): void {
    this.#unwatch = this.#authority.watch((applied) => {
      this.#follow(applied);
      this.#run();
    });
    for (const evaluation of this.#authority.ledger.evaluations()) this.#timers.arm(evaluation.id);
    this.#run();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#unwatch();
    this.#retry?.();
    this.#timers.close();
    for (const cancel of this.#resting.values()) cancel();
    this.#resting.clear();
    await this.#crew?.close();
    await Promise.all(this.#landing);
  }

  #follow({ events }: Applied): void {
    for (const { allocation, key, type } of events) {
      if (type === "EvaluationUpdated" || type === "EvaluationForgotten") this.#timers.arm(key);
      if (type === "EvaluationForgotten") this.#doubtful.delete(key as EvaluationId);
      if (type !== "AllocationPlaced" || allocation === undefined) continue;
      const flight = this.#flights.get(allocation.evaluation);
      // Somebody else's plan may have taken what was kept for one here: then no guess is worth anything.
      if (flight === undefined) for (const each of this.#flights.values()) each.reservation?.release();
      else flight.reservation?.release();
    }
    this.#world.follow(events);
  }

  /** Starts as many plans as may be under way. */
  #run(): void {
    if (this.#closed || this.#retry !== undefined) return;
    const max = this.#plansMax + (this.#crew?.size ?? 0);
    while (this.#flights.size < max) {
      const evaluation = this.#next();
      if (evaluation === undefined) return;
      const isAlone = this.#mustBeAlone(evaluation);
      const flight: Flight = { isAlone, reservation: undefined };
      this.#flights.set(evaluation.id, flight);
      const landing = this.#fly(evaluation, flight);
      this.#landing.add(landing);
      void landing.finally(() => this.#landing.delete(landing));
    }
  }

  #next(): Evaluation | undefined {
    for (const { isAlone } of this.#flights.values()) if (isAlone) return undefined;
    const busy = this.#flights.size + this.#resting.size;
    for (const evaluation of this.#authority.ledger.pendingEvaluations(busy + 1)) {
      if (this.#flights.has(evaluation.id) || this.#resting.has(evaluation.id)) continue;
      return this.#flights.size > 0 && this.#mustBeAlone(evaluation) ? undefined : evaluation;
    }
    return undefined;
  }

  #mustBeAlone({ attempts, id }: Evaluation): boolean {
    return attempts >= ATTEMPTS_TOGETHER_MAX || this.#doubtful.has(id);
  }

  /** From the plan to what the ledger says of it. */
  async #fly(evaluation: Evaluation, flight: Flight): Promise<void> {
    const { id } = evaluation;
    try {
      const plan = await this.#plan(evaluation, flight);
      if (plan === undefined) return;
      const { outcome } = await this.#authority.propose({ ...plan, atMs: this.#host.clock.wall() });
      this.#retryMs = RETRY_FIRST_MS;
      this.#learn(id, outcome);
    } catch (cause) {
      if (!(cause instanceof PeerError)) throw cause;
      this.#failed(evaluation, cause);
    } finally {
      flight.reservation?.release();
      this.#flights.delete(id);
      this.#run();
    }
  }

  /** Undefined: it has to be planned again, alone. */
  #plan(evaluation: Evaluation, flight: Flight): Plan | undefined | Promise<Plan | undefined> {
    const { ledger } = this.#authority;
    const draft = draftPlan(ledger, evaluation, this.#host.clock.wall());
    const places = draft.difference.place.length;
    const backlog = ledger.pendingEvaluations(BACKLOG_MIN).length;
    // What is planned alone was in doubt, or refused: it is planned where nothing is old.
    if (draft.version === undefined || flight.isAlone || this.#crew?.wants(backlog, places) !== true) {
      return this.#planHere(draft, flight);
    }
    if (!isOrderable(this.#world, draft.version.spec)) return this.#planHere(draft, flight);
    return this.#planElsewhere(evaluation, draft, flight, this.#crew);
  }

  #planHere(draft: PlanDraft, flight: Flight): Plan | undefined {
    return this.#finish(draft, placeDraft(this.#world, draft, { seed: this.#seed() }), flight);
  }

  async #planElsewhere(
    evaluation: Evaluation,
    draft: PlanDraft,
    flight: Flight,
    crew: Crew,
  ): Promise<Plan | undefined> {
    const { difference, version } = draft;
    if (version === undefined) return this.#planHere(draft, flight);
    const answer = await crew.place(version.spec, difference.place, this.#seed());
    if (this.#closed) return undefined;
    const placing =
      answer === undefined
        ? undefined
        : placingFrom(this.#world, version.spec, difference.place, answer, this.#seed());
    if (placing !== undefined) return this.#finish(draft, placing, flight);
    // That there is no room is for the ledger's own thread to say, on the ledger as it is now.
    const now = draftPlan(this.#authority.ledger, evaluation, this.#host.clock.wall());
    return this.#planHere(now, flight);
  }

  #finish(draft: PlanDraft, placing: Placing, flight: Flight): Plan | undefined {
    const { id } = draft.evaluation;
    if (placing.refusals.length > 0 && this.#flights.size > 1) {
      this.#doubtful.add(id);
      return undefined;
    }
    this.#doubtful.delete(id);
    const { random } = this.#host;
    const plan = finishPlan(draft, placing, () => newId(random.bytes(16)) as AllocationId);
    if (draft.version !== undefined) {
      flight.reservation = new Reservation(this.#world, draft.version.spec, plan.placements);
    }
    return plan;
  }

  /** A part was refused: it is planned again on this index or a later one, after a moment. */
  #learn(id: EvaluationId, outcome: Extract<CommandOutcome, { ok: true }>): void {
    const { refusedPlacements: refused = [] } = outcome;
    if (refused.length === 0) return;
    const [first] = refused;
    const told = { evaluation: id, refused: refused.length, reason: first?.reason, node: first?.nodeId };
    this.#host.log("debug", "placements were refused and are planned again", told);
    const evaluation = this.#authority.ledger.evaluation(id);
    if (evaluation?.status === "pending") this.#rest(evaluation);
  }

  #rest({ attempts, id }: Evaluation): void {
    const { clock, random } = this.#host;
    if (this.#closed) return;
    const delayMs = Math.min(REST_MAX_MS, REST_FIRST_MS * 2 ** Math.max(0, attempts - 1));
    this.#resting.get(id)?.();
    const cancel = clock.after(delayMs * (1 + random.next() / 4), () => {
      this.#resting.delete(id);
      this.#run();
    });
    this.#resting.set(id, cancel);
  }

  #failed(evaluation: Evaluation, cause: PeerError): void {
    const { clock, log, random } = this.#host;
    if (this.#closed) return;
    log("warn", "plan not taken, trying again", { evaluation: evaluation.id, error: cause.message });
    // The job or its evaluation has moved on: that concerns no other.
    if (cause.code === "conflict") {
      this.#rest(evaluation);
      return;
    }
    this.#retry?.();
    this.#retry = clock.after(this.#retryMs * (1 + random.next() / 4), () => {
      this.#retry = undefined;
      this.#run();
    });
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
  }

  #seed(): number {
    return Math.floor(this.#host.random.next() * 2 ** 32);
  }
}

/** 128 bits in the form of a UUID (version 4), as users of Nomad know it. */
function newId(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < 16; at += 1) {
    let byte = bytes[at] ?? 0;
    if (at === 6) byte = (byte & 0x0f) | 0x40;
    if (at === 8) byte = (byte & 0x3f) | 0x80;
    if (at === 4 || at === 6 || at === 8 || at === 10) text += "-";
    text += HEX[byte];
  }
  return text;
}
