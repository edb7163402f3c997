/**
 * The threads that find places for large jobs while many wait. None runs before it is needed, and all end
 * when nobody needs them for a while. Nothing is lost with one: what it was asked is planned here instead.
 */
import {
  type Cancel,
  type Host,
  type JobSpec,
  type NodeRecord,
  type PlacementRequest,
  type PlacingAnswer,
  placingOrder,
  SharedNodesWriter,
  type World,
} from "../../../federation/index.ts";
import type { PlacingThread, PlacingThreads } from "./threads.ts";

/** Threads start when so many evaluations wait. */
export const BACKLOG_MIN = 8;
/** Fewer places are found here faster than they are asked for elsewhere. */
export const PLACES_MIN = 64;
/** Longer than any order takes: the thread hangs. */
export const ANSWER_MAX_MS = 10_000;
/** Threads that nobody asked for so long end. */
export const IDLE_MS = 30_000;
/** After one ended by itself none is started for a while, each time for longer. */
export const CRASH_REST_MS = 10_000;
const CRASH_REST_MAX_MS = 600_000;
/** In one message. */
const NODES_AT_ONCE = 500;

interface Member {
  readonly thread: PlacingThread;
  /** Node records that it has. */
  nodes: ReadonlySet<NodeRecord>;
  generation: number;
  pending: { readonly id: number; readonly settle: (answer: PlacingAnswer | undefined) => void } | undefined;
  isGone: boolean;
}

interface Published {
  readonly generation: number;
  readonly writer: SharedNodesWriter;
  /** Changes of the world that the shared columns have. */
  position: number;
}

export class Crew {
  readonly #host: Pick<Host, "clock" | "log">;
  readonly #threads: PlacingThreads;
  readonly #world: World;
  readonly #members = new Set<Member>();
  #published: Published | undefined;
  #orders = 0;
  #ordersAtLook = 0;
  #cancelLook: Cancel | undefined;
  #cancelRest: Cancel | undefined;
  #restMs = CRASH_REST_MS;
  #closed = false;

  constructor(host: Pick<Host, "clock" | "log">, threads: PlacingThreads, world: World) {
    this.#host = host;
    this.#threads = threads;
    this.#world = world;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Whether it is worth while to ask a thread for so many places, and one is free. */
  wants(backlog: number, places: number): boolean {
    if (this.#closed || places < PLACES_MIN || this.#threads.max === 0) return false;
    if (this.#freeMember() !== undefined) return true;
    return backlog >= BACKLOG_MIN && this.#cancelRest === undefined && this.#members.size < this.#threads.max;
  }

  /** Undefined: plan it here. */
  async place(
    spec: JobSpec,
    requests: readonly PlacementRequest[],
    seed: number,
  ): Promise<PlacingAnswer | undefined> {
    const member = this.#freeMember() ?? this.#start();
    if (this.#closed) return undefined;
    const id = this.#orders++;
    this.#world.refresh();
    const answered = new Promise<PlacingAnswer | undefined>((settle) => {
      member.pending = { id, settle };
    });
    this.#publish(member);
    member.thread.send(placingOrder(this.#world, spec, requests, { id, seed }));
    const cancel: Cancel = this.#host.clock.after(ANSWER_MAX_MS, () => {
      this.#ended(member, "it did not answer");
    });
    this.#look();
    return answered.finally(() => cancel());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRest?.();
    await this.#endAll();
  }

  #freeMember(): Member | undefined {
    for (const member of this.#members) if (member.pending === undefined) return member;
    return undefined;
  }

  #start(): Member {
    const thread = this.#threads.start({
      answered: (answer) => this.#answered(member, answer),
      ended: (reason) => this.#ended(member, reason),
    });
    const member: Member = { thread, nodes: new Set(), generation: -1, pending: undefined, isGone: false };
    this.#members.add(member);
    this.#host.log("info", "a thread is started to plan", { threads: this.#members.size });
    return member;
  }

  #answered(member: Member, answer: PlacingAnswer): void {
    if (member.pending?.id !== answer.id) return;
    const { settle } = member.pending;
    member.pending = undefined;
    this.#restMs = CRASH_REST_MS;
    settle(answer);
  }

  #ended(member: Member, reason: string): void {
    if (member.isGone) return;
    member.isGone = true;
    this.#members.delete(member);
    member.pending?.settle(undefined);
    void member.thread.close();
    if (this.#closed) return;
    this.#host.log("warn", "a thread that planned is gone, what it had is planned anew", { reason });
    this.#cancelRest?.();
    this.#cancelRest = this.#host.clock.after(this.#restMs, () => {
      this.#cancelRest = undefined;
    });
    this.#restMs = Math.min(CRASH_REST_MAX_MS, this.#restMs * 2);
  }

  /** Brings the shared columns up to date, and the member's nodes where they changed. */
  #publish(member: Member): void {
    const { changes, columns, generation, nodes } = this.#world;
    const end = changes.end();
    if (this.#published?.generation !== generation) {
      this.#published = { generation, writer: new SharedNodesWriter(columns), position: end };
    }
    const { position, writer } = this.#published;
    const rows = changes.covers(position) ? changedRows(position, end, (at) => changes.at(at)) : nodes.keys();
    for (const row of rows) writer.write(columns, row);
    this.#published.position = end;
    if (member.generation === generation) return;
    this.#sendNodes(member, nodes, { generation, buffers: writer.buffers });
  }

  #sendNodes(
    member: Member,
    nodes: readonly NodeRecord[],
    { buffers, generation }: { readonly generation: number; readonly buffers: SharedNodesWriter["buffers"] },
  ): void {
    const news = nodes.filter((node) => !member.nodes.has(node));
    const ids = new Set(nodes.map(({ id }) => id));
    const gone = [...member.nodes].map(({ id }) => id).filter((id) => !ids.has(id));
    for (let at = 0; at < news.length; at += NODES_AT_ONCE) {
      member.thread.send({ kind: "nodes", nodes: news.slice(at, at + NODES_AT_ONCE) });
    }
    member.thread.send({ kind: "nodes", nodes: [], complete: { generation, gone, buffers } });
    member.nodes = new Set(nodes);
    member.generation = generation;
  }

  /** Looks again after a while whether anyone still needs the threads. */
  #look(): void {
    this.#cancelLook ??= this.#host.clock.after(IDLE_MS, () => {
      this.#cancelLook = undefined;
      const isIdle =
        this.#ordersAtLook === this.#orders && [...this.#members].every(({ pending }) => !pending);
      this.#ordersAtLook = this.#orders;
      if (isIdle) void this.#endAll();
      else this.#look();
    });
  }

  async #endAll(): Promise<void> {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    const members = [...this.#members];
    this.#members.clear();
    this.#published = undefined;
    for (const member of members) {
      member.isGone = true;
      member.pending?.settle(undefined);
    }
    await Promise.all(members.map(({ thread }) => thread.close()));
  }
}

function changedRows(start: number, end: number, at: (position: number) => number): ReadonlySet<number> {
  const rows = new Set<number>();
  for (let position = start; position < end; position += 1) rows.add(at(position));
  return rows;
}
