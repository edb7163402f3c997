/**
 * Who is there: SWIM (Das, Gupta and Motivala, "SWIM: Scalable Weakly-consistent Infection-style Process
 * Group Membership Protocol", 2002) with Lifeguard's three additions (2018), in the form of caio/foca: no
 * clock, no I/O. Messages, links and the time come in, `drain` tells what to send, ask and tell, `dueMs` when
 * to call `tick` next.
 *
 * Who is a member is given (trust decides it); SWIM finds out only who can be reached. Links are
 * authenticated, so who sent a message is certain; a member may lie about others, who then refute it.
 */
import { invariant } from "../invariant.ts";
import { isName, type NodeId } from "../model/ids.ts";
import type { Random } from "../ports.ts";
import { AntiEntropy } from "./anti-entropy.ts";
import { bodyBytes, decodeMessage, encodeMessage, encodeReport } from "./codec.ts";
import { Dissemination } from "./dissemination.ts";
import { KeeperWatch } from "./keeper-watch.ts";
import { SWIM_MEMBERS_MAX, type SwimLimits, suspicionBounds, transmitLimit } from "./limits.ts";
import { LocalHealth } from "./local-health.ts";
import {
  compareReports,
  equalMeta,
  firstIncarnation,
  INCARNATION_MAX,
  type MemberReport,
  type MemberView,
  NO_META,
  STARTS_MAX,
  startOf,
} from "./member.ts";
import type { SwimBody, SwimMessage } from "./message.ts";
import {
  DROP_COUNTER,
  newCounters,
  type SwimChange,
  type SwimCounters,
  type SwimNotice,
  type SwimOutput,
  type SwimStart,
} from "./output.ts";
import { Prober } from "./probe.ts";
import { isPresent, type Member, Roster, reportOf, viewOf } from "./roster.ts";
import { Suspicions } from "./suspicion.ts";

/** Of its usual number, how often a newcomer is told on that came to this peer itself. */
const INTRODUCTION_SHARE = 1 / 4;

export class Swim {
  readonly counters: SwimCounters = newCounters();
  readonly #limits: SwimLimits;
  readonly #group: number;
  readonly #random: Random;
  readonly #roster: Roster;
  readonly #health: LocalHealth;
  readonly #suspicions = new Suspicions();
  readonly #dissemination: Dissemination;
  readonly #prober: Prober;
  readonly #sync: AntiEntropy;
  readonly #keepers: KeeperWatch;
  readonly #graceEndMs: number;
  #nowMs: number;
  /** Time that this machine spent elsewhere, cut out of `#nowMs`. */
  #lostMs = 0;
  #gossipMs: number;
  #reviveMs: number;
  #isHeldUp = false;
  #isLeaving = false;
  #leader: NodeId | undefined;
  /** Of members and of peers that are none yet. */
  readonly #links = new Set<NodeId>();
  #messages: { readonly to: NodeId; readonly data: Uint8Array }[] = [];
  #notices: SwimNotice[] = [];

  constructor(start: SwimStart) {
    const { group, limits, meta, nowMs, random, self } = start;
    invariant(isName(self), "a member's id is a name");
    invariant(Number.isSafeInteger(start.start) && start.start > 0, "starts count from 1");
    invariant(start.start <= STARTS_MAX, "more starts than incarnations can tell");
    invariant(meta.length <= limits.metaBytes, `meta of ${meta.length} bytes: at most ${limits.metaBytes}`);
    this.#limits = limits;
    this.#group = group;
    this.#random = random;
    this.#nowMs = nowMs;
    this.#graceEndMs = nowMs + limits.joinGraceMs;
    this.#gossipMs = nowMs + random.next() * limits.gossipIntervalMs;
    this.#reviveMs = nowMs + random.next() * limits.reviveIntervalMs;
    this.#roster = new Roster(self);
    this.#health = new LocalHealth(limits.localHealthMax);
    this.#dissemination = new Dissemination(limits.suspicionConfirmations + 1);
    const context = this.#context();
    this.#prober = new Prober(context);
    this.#sync = new AntiEntropy(context);
    this.#keepers = new KeeperWatch({ ...context, suspicions: this.#suspicions });
    this.#speak("alive", firstIncarnation(start.start), meta);
  }

  #context() {
    return {
      limits: this.#limits,
      random: this.#random,
      roster: this.#roster,
      health: this.#health,
      nowMs: () => this.#nowMs,
      // A ping to one that this peer does not take for alive introduces it, too.
      send: (to: Member, body: SwimBody) => this.#send(to, body, body.kind === "ping" && body.wantsReport),
      sendState: (to: Member, body: SwimBody, reports: readonly Uint8Array[]) => {
        this.#post(to, encodeMessage(this.#group, body, reports));
      },
      accuse: (target: Member) => this.#accuse(target, false),
    };
  }

  /** The time of the next `tick`; later calls count as a stall of this machine. */
  get dueMs(): number {
    return this.#ownDueMs() + this.#lostMs;
  }

  /** On the core's own time. */
  #ownDueMs(): number {
    return Math.min(
      ...[this.#prober.dueMs, this.#suspicions.dueMs, this.#sync.dueMs, this.#keepers.dueMs, this.#reviveMs],
      this.#dissemination.size > 0 ? Math.max(this.#gossipMs, this.#nowMs) : Number.POSITIVE_INFINITY,
    );
  }

  /** How much this peer doubts itself, from 0. */
  get localHealth(): number {
    return this.#health.score;
  }

  /** True when all there was to tell has been told. */
  get isQuiet(): boolean {
    return this.#dissemination.size === 0;
  }

  members(): MemberView[] {
    return [...this.#roster.all()].map(viewOf);
  }

  member(id: NodeId): MemberView | undefined {
    const member = this.#roster.get(id);
    return member && viewOf(member);
  }

  drain(): SwimOutput {
    const keeperQuestions = this.#keepers.drain();
    const output = { messages: this.#messages, keeperQuestions, notices: this.#notices };
    if (this.#messages.length > 0) this.#messages = [];
    if (this.#notices.length > 0) this.#notices = [];
    return output;
  }

  /** All members by trust; this peer itself may be left out. Those not named any more are forgotten. */
  setMembers(nowMs: number, members: Iterable<NodeId>): void {
    this.#observe(nowMs);
    const named = new Set(members);
    named.delete(this.#roster.self.id);
    invariant(named.size < SWIM_MEMBERS_MAX, `a mesh has at most ${SWIM_MEMBERS_MAX} members`);
    for (const member of [...this.#roster.all()]) {
      if (member === this.#roster.self || named.has(member.id)) continue;
      this.#suspicions.clear(member.id);
      this.#dissemination.forget(member.id);
      this.#keepers.forget(member);
      this.#roster.remove(member);
    }
    for (const id of named) {
      if (this.#roster.get(id) !== undefined) continue;
      const member = this.#roster.add(id, this.#random);
      if (this.#links.has(id)) this.#meet(member);
    }
  }

  /** Tells something else about this peer, under a new incarnation. */
  setMeta(nowMs: number, meta: Uint8Array): void {
    this.#observe(nowMs);
    const { metaBytes } = this.#limits;
    invariant(meta.length <= metaBytes, `meta of ${meta.length} bytes: at most ${metaBytes}`);
    if (!this.#isLeaving) this.#speak("alive", this.#roster.self.incarnation + 1, meta);
  }

  /** The leader that the region has now, if any: it alone declares a node dead at once. */
  setLeader(nowMs: number, leader: NodeId | undefined): void {
    this.#observe(nowMs);
    this.#leader = leader;
    this.#keepers.lead(leader);
    for (const subject of [...this.#suspicions.subjects()]) this.#hasten(subject);
  }

  /** Says goodbye: probes end, the farewell is gossiped until `isQuiet`. */
  leave(nowMs: number): void {
    this.#observe(nowMs);
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#prober.stop();
    this.#speak("left", this.#roster.self.incarnation, NO_META);
  }

  linkOpened(nowMs: number, peer: NodeId): void {
    this.#observe(nowMs);
    this.#links.add(peer);
    const member = this.#roster.get(peer);
    if (member !== undefined && member !== this.#roster.self) this.#meet(member);
  }

  #meet(member: Member): void {
    this.#roster.link(member);
    this.#keepers.forget(member);
    this.#suspicions.withdraw(member.id, this.#roster.self.id);
    this.#sync.hasten(member);
    // It hears at once what is said of it, and answers for itself. Of two strangers one ping introduces both.
    const isStranger = member.state === "unknown";
    if (isStranger ? this.#roster.self.id < member.id : member.state !== "alive") this.#prober.ping(member);
  }

  linkClosed(nowMs: number, peer: NodeId): void {
    this.#observe(nowMs);
    this.#links.delete(peer);
    const member = this.#roster.get(peer);
    if (member === undefined) return;
    this.#roster.unlink(member);
    if (member.state === "alive") this.#accuse(member, false);
    this.#keepers.consider(member);
  }

  keeperAnswered(nowMs: number, peer: NodeId, answers: boolean): void {
    this.#observe(nowMs);
    const member = this.#roster.get(peer);
    if (member === undefined) return;
    const before = member.keeper;
    if (!this.#keepers.answered(member, answers)) return;
    if (member.keeper !== before) this.#notify("keeper", member);
    if (answers) this.#suspicions.withdraw(peer, this.#roster.self.id);
    else if (member.state === "suspect" && !member.isLinked) this.#testify(member);
  }

  /** Its keeper is silent, too: the leader hears of it at once. */
  #testify(member: Member): void {
    this.#accuse(member, true);
    const leader = this.#leader === undefined ? undefined : this.#roster.get(this.#leader);
    if (leader !== undefined) this.#send(leader, { kind: "gossip" });
  }

  tick(nowMs: number): void {
    this.#observe(nowMs);
    // What came in while we were held up is read before anybody is judged: the next tick is due at once.
    const isFirst = this.#isHeldUp;
    this.#isHeldUp = false;
    if (isFirst) return;
    this.#prober.tick();
    for (const subject of this.#suspicions.due(this.#nowMs)) this.#bury(subject);
    this.#keepers.tick();
    this.#sync.tick();
    if (this.#nowMs >= this.#reviveMs) this.#revive();
    if (this.#nowMs >= this.#gossipMs) this.#gossip();
  }

  receive(nowMs: number, from: NodeId, data: Uint8Array): void {
    this.#observe(nowMs);
    const sender = this.#roster.get(from);
    if (sender === undefined || sender === this.#roster.self) {
      this.counters.unknownSender += 1;
      return;
    }
    const message = decodeMessage(this.#group, data);
    if (typeof message === "string") {
      this.counters[DROP_COUNTER[message]] += 1;
      return;
    }
    this.counters.receivedMessages += 1;
    for (const report of message.reports) this.#hear(report, sender);
    this.#handle(sender, message);
    this.#remind(sender);
  }

  #handle(sender: Member, { body }: SwimMessage): void {
    switch (body.kind) {
      case "ping":
        this.#send(sender, { kind: "ack", sequence: body.sequence }, body.wantsReport);
        return;
      case "ping_request":
        this.#prober.relay(sender, body.sequence, body.target);
        return;
      case "ack":
        this.#prober.acked(sender, body.sequence);
        return;
      case "nack":
        this.#prober.nacked(sender, body.sequence);
        return;
      case "digest":
        this.#sync.compare(sender, body.buckets);
        return;
      case "state":
        this.#sync.answer(sender, body);
        return;
      case "gossip":
        return;
    }
  }

  /**
   * Time goes on, but not the time in which this machine was held up (Lifeguard's case in Node: garbage
   * collection, a suspended laptop): what others sent meanwhile waits unread, so it says nothing about them.
   */
  #observe(nowMs: number): void {
    const ownDueMs = this.#ownDueMs();
    const lateMs = nowMs - (ownDueMs + this.#lostMs);
    if (lateMs > this.#limits.stallMs) {
      this.#lostMs += lateMs;
      this.#isHeldUp = true;
      this.#health.worsen();
      this.counters.stalls += 1;
    }
    // What is due is due, whatever the last bit of a difference says.
    const ownMs = Math.max(nowMs - this.#lostMs, lateMs >= 0 ? ownDueMs : 0);
    this.#nowMs = Math.max(this.#nowMs, ownMs);
  }

  #hear(report: MemberReport, sender: Member): void {
    const member = this.#roster.get(report.subject);
    const isOddMeta = report.meta.length > this.#limits.metaBytes;
    if (member === undefined || isOddMeta || this.#roster.get(report.from) === undefined) {
      this.counters.ignoredReports += 1;
    } else if (member === this.#roster.self) this.#hearOfSelf(report);
    // Who introduces itself does so to all it has links with: only the others need to hear of it from us.
    else
      this.#take(
        member,
        report,
        sender === member && member.state === "unknown" ? 1 - INTRODUCTION_SHARE : 0,
      );
  }

  #take(member: Member, report: MemberReport, toldShare = 0): void {
    const order = compareReports(report, member);
    if (order === 0 && report.state === "alive")
      this.#dissemination.heardAgain(member.id, this.#transmitLimit);
    const isMoreEvidence = order === 0 && report.state === "suspect";
    if (order < 0 || (order === 0 && !isMoreEvidence)) return;
    if (order > 0) this.#adopt(member, report);
    if (report.state === "suspect") {
      if (!this.#suspicions.accuse(member.id, report.from, report.silent)) return;
      this.#dissemination.add(report);
      this.#hasten(member.id);
    } else this.#dissemination.add(report, Math.floor(toldShare * this.#transmitLimit));
  }

  #adopt(member: Member, report: MemberReport): void {
    const { incarnation, meta, state } = member;
    this.#roster.set(member, report);
    this.#suspicions.clear(member.id);
    if (report.state === "suspect") {
      const bounds = suspicionBounds(this.#roster.presentCount + 1, this.#limits);
      this.#suspicions.start(member.id, this.#nowMs, bounds);
    }
    if (report.state === "alive") {
      this.#keepers.forget(member);
      const isRestart = incarnation > 0 && startOf(report.incarnation) > startOf(incarnation);
      if (isRestart) this.#notify("restarted", member);
      else if (state === "alive" && !equalMeta(meta, report.meta)) this.#notify("meta", member);
    }
    if (report.state !== state) this.#notify(report.state, member);
    this.#keepers.consider(member);
  }

  /** Only this peer speaks for itself: whatever else is said, it says the last word. */
  #hearOfSelf(report: MemberReport): void {
    const { incarnation, meta } = this.#roster.self;
    if (this.#isLeaving || report.incarnation < incarnation) return;
    if (report.state === "alive" && report.incarnation === incarnation && equalMeta(report.meta, meta))
      return;
    if (report.state === "alive" || report.incarnation > incarnation) this.counters.foreignLives += 1;
    if (report.state !== "alive") {
      this.counters.refutations += 1;
      this.#health.worsen();
    }
    if (report.incarnation < INCARNATION_MAX) this.#speak("alive", report.incarnation + 1, meta);
  }

  #speak(state: "alive" | "left", incarnation: number, meta: Uint8Array): void {
    const { self } = this.#roster;
    invariant(incarnation >= self.incarnation, "an incarnation never goes back");
    const report = { subject: self.id, incarnation, state, from: self.id, silent: false, meta };
    this.#roster.set(self, report);
    this.#dissemination.add(report);
  }

  #accuse(target: Member, silent: boolean): void {
    const isNew = target.state === "unknown" && !target.isLinked && this.#nowMs < this.#graceEndMs;
    const isMember = this.#roster.get(target.id) === target;
    if (this.#isLeaving || isNew || !isMember || !isPresent(target.state)) return;
    const { id, incarnation } = target;
    const from = this.#roster.self.id;
    this.#take(target, { subject: id, incarnation, state: "suspect", from, silent, meta: NO_META });
  }

  #hasten(subject: NodeId): void {
    const member = this.#roster.get(subject);
    if (member !== undefined && this.#keepers.isDeadAtOnce(member)) this.#bury(subject);
  }

  #bury(subject: NodeId): void {
    const member = this.#roster.get(subject);
    invariant(member !== undefined, "who is suspected is a member");
    const { incarnation } = member;
    const from = this.#roster.self.id;
    this.#take(member, { subject, incarnation, state: "dead", from, silent: false, meta: NO_META });
  }

  /** One that was given up and still has a link hears of it, lest both sides wait for the other for ever. */
  #revive(): void {
    this.#reviveMs = this.#nowMs + this.#limits.reviveIntervalMs;
    const [lost] = this.#roster.pickLinked(
      this.#random,
      1,
      ({ state }) => state === "dead" || state === "left",
    );
    if (lost !== undefined && !this.#isLeaving) this.#prober.ping(lost);
  }

  /** Whoever talks to us and is not taken for alive hears that. */
  #remind(sender: Member): void {
    if (sender.state === "alive" || this.#nowMs - sender.revivedMs < this.#limits.probeIntervalMs) return;
    sender.revivedMs = this.#nowMs;
    this.#prober.ping(sender);
  }

  #gossip(): void {
    this.#gossipMs = this.#nowMs + this.#limits.gossipIntervalMs;
    const accepts = ({ state }: Member) => isPresent(state);
    for (const member of this.#roster.pickLinked(this.#random, this.#limits.gossipFanout, accepts)) {
      if (this.#dissemination.size > 0) this.#send(member, { kind: "gossip" });
    }
  }

  #send(to: Member, body: SwimBody, isOwnFirst = false): boolean {
    if (!to.isLinked) return false;
    // The accused hears of its own case before all else (Lifeguard's buddy system).
    const about = to.state === "alive" ? undefined : reportOf(to);
    const own = isOwnFirst ? reportOf(this.#roster.self) : undefined;
    const first = [about, own].filter((report) => report !== undefined);
    const encoded = first.map(encodeReport);
    const room = encoded.reduce(
      (rest, { length }) => rest - length,
      this.#limits.messageBytes - bodyBytes(body),
    );
    const told = first.map(({ subject }) => subject);
    // An introduction is short: of a thousand at once each would bring the same news.
    const more = isOwnFirst ? [] : this.#dissemination.take(room, this.#transmitLimit, told);
    this.#post(to, encodeMessage(this.#group, body, [...encoded, ...more]));
    return true;
  }

  get #transmitLimit(): number {
    return transmitLimit(this.#roster.presentCount + 1, this.#limits);
  }

  #post(to: Member, data: Uint8Array): void {
    this.counters.sentMessages += 1;
    this.counters.sentBytes += data.length;
    this.#messages.push({ to: to.id, data });
  }

  #notify(change: SwimChange, member: Member): void {
    this.#notices.push({ change, member: viewOf(member) });
  }
}
