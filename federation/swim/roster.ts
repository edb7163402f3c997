/** The members, what is known of each, and ways to pick among them. */
import { invariant } from "../invariant.ts";
import type { NodeId } from "../model/ids.ts";
import type { Random } from "../ports.ts";
import { murmur128 } from "../random.ts";
import {
  type KeeperAnswer,
  type MemberReport,
  type MemberState,
  type MemberView,
  NO_META,
} from "./member.ts";
import type { BucketSum } from "./message.ts";

export interface Member {
  readonly id: NodeId;
  /** 32 bits of a hash of the id. */
  readonly key: number;
  state: MemberState;
  incarnation: number;
  meta: Uint8Array;
  /** Who brought up the state. */
  from: NodeId;
  isLinked: boolean;
  rttMs: number | undefined;
  keeper: KeeperAnswer;
  keeperAskedMs: number;
  revivedMs: number;
  /** Hash of what is known, for digests; made when first needed. */
  sum: BucketSum | undefined;
}

/** Draws at random before all members are looked at. */
const DRAWS_PER_PICK = 8;

export class Roster {
  readonly self: Member;
  readonly #members = new Map<NodeId, Member>();
  readonly #linked: Member[] = [];
  readonly #order: Member[] = [];
  #next = 0;
  #presentCount = 0;

  constructor(self: NodeId) {
    this.self = newMember(self);
    this.#members.set(self, this.self);
  }

  get size(): number {
    return this.#members.size;
  }

  /** Members that may be there: neither dead nor gone. */
  get presentCount(): number {
    return this.#presentCount;
  }

  get(id: NodeId): Member | undefined {
    return this.#members.get(id);
  }

  all(): Iterable<Member> {
    return this.#members.values();
  }

  add(id: NodeId, random: Random): Member {
    invariant(!this.#members.has(id), `${id} is a member already`);
    const member = newMember(id);
    this.#members.set(id, member);
    this.#presentCount += 1;
    // At a random place of the round, so that members who came at once are not probed in one order by all.
    const place = Math.floor(random.next() * (this.#order.length + 1));
    this.#order.splice(place, 0, member);
    if (place < this.#next) this.#next += 1;
    return member;
  }

  remove(member: Member): void {
    invariant(member !== this.self, "a peer is a member to itself");
    this.unlink(member);
    this.#members.delete(member.id);
    if (isPresent(member.state)) this.#presentCount -= 1;
    const place = this.#order.indexOf(member);
    this.#order.splice(place, 1);
    if (place < this.#next) this.#next -= 1;
  }

  /** Takes over a report; the caller has compared it. */
  set(member: Member, report: MemberReport): void {
    this.#presentCount += Number(isPresent(report.state)) - Number(isPresent(member.state));
    if (report.incarnation !== member.incarnation || report.state === "alive") member.meta = report.meta;
    member.state = report.state;
    member.incarnation = report.incarnation;
    member.from = report.from;
    member.sum = undefined;
  }

  link(member: Member): void {
    if (member.isLinked) return;
    member.isLinked = true;
    this.#linked.push(member);
  }

  unlink(member: Member): void {
    if (!member.isLinked) return;
    member.isLinked = false;
    this.#linked.splice(this.#linked.indexOf(member), 1);
  }

  /** Up to `count` different members with a link that are accepted, at random. */
  pickLinked(random: Random, count: number, accepts: (member: Member) => boolean): Member[] {
    const picked: Member[] = [];
    const isNew = (member: Member) => !picked.includes(member) && accepts(member);
    for (let draw = 0; draw < count * DRAWS_PER_PICK && picked.length < count; draw += 1) {
      const member = this.#linked[Math.floor(random.next() * this.#linked.length)];
      if (member !== undefined && isNew(member)) picked.push(member);
    }
    if (picked.length === count) return picked;
    const rest = this.#linked.filter(isNew);
    while (picked.length < count && rest.length > 0) {
      picked.push(...rest.splice(Math.floor(random.next() * rest.length), 1));
    }
    return picked;
  }

  /** Round robin in an order shuffled anew for each round (SWIM, section 4.3). */
  nextToProbe(random: Random, accepts: (member: Member) => boolean): Member | undefined {
    for (let looked = 0; looked < this.#order.length; looked += 1) {
      if (this.#next >= this.#order.length) {
        shuffle(this.#order, random);
        this.#next = 0;
      }
      const member = this.#order[this.#next];
      this.#next += 1;
      if (member !== undefined && accepts(member)) return member;
    }
    return undefined;
  }

  /** How many buckets a digest of this many members has: about 8 members each. */
  bucketCount(max: number): number {
    let count = 1;
    while (count < max && count * 8 < this.size) count *= 2;
    return count;
  }

  /** Sums over all records of each bucket: equal sums, equal records (but for one chance in 2^64). */
  digest(bucketCount: number): BucketSum[] {
    const sums: [number, number][] = Array.from({ length: bucketCount }, () => [0, 0]);
    for (const member of this.#members.values()) {
      const sum = sums[member.key & (bucketCount - 1)];
      invariant(sum !== undefined, "the number of buckets is a power of two");
      const [first, second] = sumOf(member);
      sum[0] = (sum[0] + first) >>> 0;
      sum[1] = (sum[1] + second) >>> 0;
    }
    return sums;
  }

  /** Members of the buckets, from a random one on. */
  inBuckets(bucketCount: number, buckets: ReadonlySet<number>, random: Random): Member[] {
    const found = [...this.#members.values()].filter((each) => buckets.has(each.key & (bucketCount - 1)));
    const first = Math.floor(random.next() * found.length);
    return [...found.slice(first), ...found.slice(0, first)];
  }

  /**
   * The members that ask the keeper of `subject`, by highest random weight (Thaler and Ravishankar, 1998):
   * all choose about the same few, without a word.
   */
  witnesses(subject: Member, count: number): Set<NodeId> {
    const best: { readonly id: NodeId; readonly weight: number }[] = [];
    for (const member of this.#members.values()) {
      if (member === subject || member.state !== "alive") continue;
      const weight = mix(member.key ^ Math.imul(subject.key, 0x9e3779b1));
      if (best.length === count && weight <= (best.at(-1)?.weight ?? 0)) continue;
      best.push({ id: member.id, weight });
      best.sort((left, right) => right.weight - left.weight);
      best.length = Math.min(best.length, count);
    }
    return new Set(best.map(({ id }) => id));
  }
}

export function reportOf(member: Member): MemberReport | undefined {
  if (member.state === "unknown") return undefined;
  const { from, id, incarnation, meta, state } = member;
  return { subject: id, incarnation, state, from, silent: false, meta: state === "alive" ? meta : NO_META };
}

export function viewOf({ id, incarnation, keeper, meta, rttMs, state }: Member): MemberView {
  return { id, state, incarnation, meta, rttMs, keeper };
}

/** May be there, as far as this peer knows. */
export function isPresent(state: MemberState): boolean {
  return state !== "dead" && state !== "left";
}

function newMember(id: NodeId): Member {
  const [key] = murmur128([0, 0, 0, 0], id);
  return {
    ...{ id, key, state: "unknown", incarnation: 0, meta: NO_META, from: id, isLinked: false },
    ...{ rttMs: undefined, keeper: "unknown", keeperAskedMs: Number.NEGATIVE_INFINITY },
    ...{ revivedMs: Number.NEGATIVE_INFINITY, sum: undefined },
  };
}

function sumOf(member: Member): BucketSum {
  if (member.sum === undefined) {
    const text = `${member.id} ${member.incarnation} ${member.state}`;
    const [first, second] = murmur128([0, 0, 0, 0], text);
    member.sum = [first, second];
  }
  return member.sum;
}

function mix(word: number): number {
  const mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  const again = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (again ^ (again >>> 16)) >>> 0;
}

function shuffle(members: Member[], random: Random): void {
  for (let at = members.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random.next() * (at + 1));
    const [left, right] = [members[at], members[other]];
    if (left === undefined || right === undefined) continue;
    members[at] = right;
    members[other] = left;
  }
}
