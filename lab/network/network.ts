/**
 * Links between simulated machines. A link behaves as TCP with keep-alive does: a loss shows as delay, a dead
 * process resets it, a dead machine or a blocked way is noticed only when nothing came back for a while, and
 * the two ends may notice at different times. Machines that can reach each other link up again by themselves.
 */
import {
  type Cancel,
  invariant,
  type LinkChannel,
  type Links,
  type LinkWatcher,
  type NodeId,
  type Random,
} from "../../federation/index.ts";
import type { Timeline } from "../time/timeline.ts";
import { Link } from "./link.ts";
import { Paths } from "./paths.ts";
import type { NetworkRules } from "./rules.ts";
import { Wire } from "./wire.ts";

/** Channels that may lose, double and reorder messages though the link stays open. */
const LOOSE: ReadonlySet<LinkChannel> = new Set(["swim"]);
/** Both ends give up a silent link about then, not at once. */
const SILENCE_SPREAD = 0.4;
const PACKET_OVERHEAD_BYTES = 60;

/** How messages reach a process: now, when it goes on, or never. */
export interface Reached {
  deliver(run: () => void): void;
}

export interface LinkCounts {
  opened: number;
  reset: number;
  silent: number;
  refused: number;
  delivered: number;
}

interface AttachedProcess {
  readonly reached: Reached;
  readonly watchers: Set<LinkWatcher>;
  /** Links that it was told of; its machine may know more already. */
  readonly peers: Set<NodeId>;
}

interface Station {
  readonly id: NodeId;
  readonly links: Map<NodeId, Link>;
  process: AttachedProcess | undefined;
}

export class Network {
  readonly paths: Paths;
  readonly wire: Wire;
  readonly counts: LinkCounts = { opened: 0, reset: 0, silent: 0, refused: 0, delivered: 0 };
  /** Messages of ordered channels come twice, too, as often as the wire doubles packets. */
  doublesAll = false;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #stations = new Map<NodeId, Station>();

  constructor(timeline: Timeline, random: Random, ids: readonly NodeId[], rules: NetworkRules) {
    this.#timeline = timeline;
    this.#random = random.fork("links");
    this.paths = new Paths(ids);
    this.wire = new Wire(timeline, random.fork("wire"), this.paths, rules);
    for (const id of ids) this.#join(id);
    this.paths.watch((from, to, isOpen) => this.#wayChanged(from as NodeId, to as NodeId, isOpen));
  }

  /** A process on a machine takes part; others link up with it soon. */
  attach(id: NodeId, reached: Reached): Links {
    const station = this.#join(id);
    invariant(station.process === undefined, `one process at a time speaks for ${id}`);
    const process: AttachedProcess = { reached, watchers: new Set(), peers: new Set() };
    station.process = process;
    for (const other of this.#stations.keys()) if (other !== id) this.#connectLater(id, other);
    const isMine = () => station.process === process;
    return {
      peers: () => (isMine() ? [...process.peers].sort() : []),
      send: (peer, channel, data) =>
        isMine() && process.peers.has(peer) && this.#send(station, peer, channel, data),
      watch: (watcher) => {
        process.watchers.add(watcher);
        return () => process.watchers.delete(watcher);
      },
    };
  }

  /**
   * The process is gone. `kill`: its machine resets its links. `crash`: nobody is left to do that; others
   * find out by silence, or when the machine is back.
   */
  detach(id: NodeId, how: "kill" | "crash"): void {
    const station = this.#station(id);
    station.process = undefined;
    for (const link of [...station.links.values()]) {
      station.links.delete(link.other(id));
      link.open.delete(id);
      const direction = link.from(id);
      direction.waiting = [];
      if (how === "kill") this.#reset(link, id);
      else this.#giveUpLater(link, link.other(id));
    }
  }

  /** Resets the link between two machines, if there is one; it comes back. */
  resetLink(one: NodeId, two: NodeId): void {
    const link = this.#station(one).links.get(two);
    if (link !== undefined) this.#closeEnd(link, one);
  }

  #join(id: NodeId): Station {
    const known = this.#stations.get(id);
    if (known !== undefined) return known;
    const station: Station = { id, links: new Map(), process: undefined };
    this.#stations.set(id, station);
    this.paths.add(id);
    return station;
  }

  #station(id: NodeId): Station {
    const station = this.#stations.get(id);
    invariant(station !== undefined, `${id} is a machine of this network`);
    return station;
  }

  #send(station: Station, peer: NodeId, channel: LinkChannel, data: Uint8Array): boolean {
    const link = station.links.get(peer);
    if (link === undefined) return false;
    const direction = link.from(station.id);
    const bytes = data.length + PACKET_OVERHEAD_BYTES;
    if (direction.queuedBytes + bytes > this.wire.rules.queueBytes) {
      this.counts.refused += 1;
      return false;
    }
    const copy = data.slice();
    if (LOOSE.has(channel)) {
      this.wire.send(station.id, peer, () => this.#arrive(link, peer, channel, copy));
      return true;
    }
    direction.queuedBytes += bytes;
    const { nowMs } = this.#timeline;
    direction.busyUntilMs = Math.max(nowMs, direction.busyUntilMs) + bytes / this.wire.rules.bytesPerMs;
    this.#under(link, station.id, channel, () => {
      direction.queuedBytes -= bytes;
      this.#arrive(link, peer, channel, copy);
      if (this.doublesAll && this.#random.next() < this.wire.rules.duplicateRate) {
        this.wire.counts.doubled += 1;
        this.#timeline.after(this.wire.latencyMs(), () => this.#arrive(link, peer, channel, copy));
      }
    });
    return true;
  }

  /** Puts an ordered packet on its way, or in front of a blocked one. */
  #under(link: Link, from: NodeId, channel: LinkChannel, arrive: () => void): void {
    const to = link.other(from);
    const direction = link.from(from);
    const depart = () => {
      const { nowMs } = this.#timeline;
      const heldMs = Math.max(nowMs, direction.busyUntilMs, this.paths.cloggedUntilMs(from, to));
      const last = direction.arrivedMs.get(channel) ?? 0;
      const atMs = Math.max(last, heldMs + this.wire.reliableMs());
      direction.arrivedMs.set(channel, atMs);
      this.#timeline.after(atMs - nowMs, () => {
        // Blocked meanwhile: it was lost, and is sent again once the way is free.
        if (this.paths.isOpen(from, to)) arrive();
        else direction.waiting.push(depart);
      });
    };
    if (this.paths.isOpen(from, to)) depart();
    else direction.waiting.push(depart);
  }

  #arrive(link: Link, to: NodeId, channel: LinkChannel, data: Uint8Array): void {
    const { process } = this.#station(to);
    if (process === undefined) return;
    process.reached.deliver(() => {
      if (!link.open.has(to)) return;
      this.counts.delivered += 1;
      for (const watcher of process.watchers) watcher.message(link.other(to), channel, data);
    });
  }

  #connectLater(one: NodeId, two: NodeId): void {
    const { reconnectMs } = this.wire.rules;
    const delayMs = this.wire.latencyMs() + this.#random.next() * reconnectMs;
    this.#timeline.after(delayMs, () => this.#connect(one, two));
  }

  /** The handshake: both must live and hear each other, or it is tried again later. */
  #connect(one: NodeId, two: NodeId): void {
    const stations = [this.#station(one), this.#station(two)] as const;
    if (stations.some(({ process }) => process === undefined)) return;
    const links = [stations[0].links.get(two), stations[1].links.get(one)];
    if (links.every((link) => link !== undefined)) return;
    if (
      links.some((link) => link?.isOpening === true) ||
      !this.paths.isOpen(one, two) ||
      !this.paths.isOpen(two, one)
    ) {
      this.#connectLater(one, two);
      return;
    }
    // What one end still holds of an older link ends with the new one.
    for (const station of stations) {
      const old = station.links.get(station.id === one ? two : one);
      if (old !== undefined) this.#closeEnd(old, station.id);
    }
    const link = new Link(one, two);
    this.#openEnd(link, two);
    this.#timeline.after(this.wire.latencyMs(), () => {
      link.isOpening = false;
      if (!link.open.has(two)) return;
      if (stations[0].process === undefined || stations[0].links.has(two)) this.#closeEnd(link, two);
      else this.#openEnd(link, one);
    });
  }

  #openEnd(link: Link, end: NodeId): void {
    const station = this.#station(end);
    const peer = link.other(end);
    station.links.set(peer, link);
    link.open.add(end);
    this.counts.opened += 1;
    this.#tell(station, (process) => {
      process.peers.add(peer);
      for (const watcher of process.watchers) watcher.opened(peer);
    });
  }

  /** This end takes the link for gone, and says so if it can. */
  #closeEnd(link: Link, end: NodeId): void {
    if (!link.open.delete(end)) return;
    const station = this.#station(end);
    const peer = link.other(end);
    if (station.links.get(peer) === link) station.links.delete(peer);
    link.from(end).waiting = [];
    this.#tell(station, (process) => {
      process.peers.delete(peer);
      for (const watcher of process.watchers) watcher.closed(peer);
    });
    this.#reset(link, end);
    this.#connectLater(end, peer);
  }

  /** Tells the other end, which may not get to hear it. */
  #reset(link: Link, from: NodeId): void {
    const to = link.other(from);
    if (!link.open.has(to)) {
      link.drop();
      return;
    }
    if (!this.paths.isOpen(from, to)) {
      this.#giveUpLater(link, to);
      return;
    }
    this.#timeline.after(this.wire.latencyMs(), () => {
      if (!link.open.has(to)) return;
      this.counts.reset += 1;
      this.#closeEnd(link, to);
    });
  }

  /** An end that hears nothing gives the link up after a while. */
  #giveUpLater(link: Link, end: NodeId): Cancel {
    const spread = 1 + (this.#random.next() - 0.5) * SILENCE_SPREAD;
    return this.#timeline.after(this.wire.rules.silenceMs * spread, () => {
      if (!link.open.has(end)) return;
      this.counts.silent += 1;
      this.#closeEnd(link, end);
    });
  }

  #wayChanged(from: NodeId, to: NodeId, isOpen: boolean): void {
    const link = this.#station(from).links.get(to) ?? this.#station(to).links.get(from);
    if (link === undefined) return;
    const direction = link.from(from);
    if (!isOpen) {
      const giveUps = [this.#giveUpLater(link, from), this.#giveUpLater(link, to)];
      direction.giveUp = () => {
        for (const cancel of giveUps) cancel();
      };
      return;
    }
    direction.giveUp?.();
    direction.giveUp = undefined;
    // Half a link is found out by the first packet that gets an answer.
    for (const end of link.ends) if (!link.open.has(end)) this.#reset(link, end);
    const { waiting } = direction;
    direction.waiting = [];
    for (const depart of waiting) depart();
  }

  #tell(station: Station, what: (process: AttachedProcess) => void): void {
    const { process } = station;
    process?.reached.deliver(() => what(process));
  }
}
