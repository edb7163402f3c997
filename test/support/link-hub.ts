/** Links between peers of one test, in memory: messages arrive in order, one promise turn later. */
import type { LinkChannel, Links, LinkWatcher, NodeId } from "../../federation/index.ts";

export class LinkHub {
  readonly #watchers = new Map<NodeId, Set<LinkWatcher>>();
  readonly #cut = new Set<string>();
  /** Says of each message whether it is carried. */
  carries: (from: NodeId, to: NodeId, channel: LinkChannel, data: Uint8Array) => boolean = () => true;

  join(name: string): Links {
    const self = name as NodeId;
    const own = new Set<LinkWatcher>();
    this.#watchers.set(self, own);
    return {
      peers: () => this.#others(self),
      send: (peer, channel, data) => {
        if (!this.#others(self).includes(peer) || !this.carries(self, peer, channel, data)) return false;
        queueMicrotask(() => {
          for (const watcher of this.#watchers.get(peer) ?? []) watcher.message(self, channel, data);
        });
        return true;
      },
      watch: (watcher) => {
        own.add(watcher);
        return () => own.delete(watcher);
      },
    };
  }

  /** Tells both ends that the link is open; cut before or new. */
  open(left: string, right: string): void {
    this.#cut.delete(pair(left, right));
    this.#tell(left, right, "opened");
  }

  /** The process is gone: its links close at the other ends. */
  leave(name: string): void {
    const self = name as NodeId;
    const others = this.#others(self);
    this.#watchers.delete(self);
    for (const other of others) for (const watcher of this.#watchers.get(other) ?? []) watcher.closed(self);
  }

  cut(left: string, right: string): void {
    this.#cut.add(pair(left, right));
    this.#tell(left, right, "closed");
  }

  #tell(left: string, right: string, what: "opened" | "closed"): void {
    for (const watcher of this.#watchers.get(left as NodeId) ?? []) watcher[what](right as NodeId);
    for (const watcher of this.#watchers.get(right as NodeId) ?? []) watcher[what](left as NodeId);
  }

  #others(self: NodeId): readonly NodeId[] {
    return [...this.#watchers.keys()].filter((id) => id !== self && !this.#cut.has(pair(self, id))).sort();
  }
}

function pair(left: string, right: string): string {
  return [left, right].sort().join(" ");
}
