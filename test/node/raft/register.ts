/** A replicated list for the tests of the shell: what was applied, with its index. */

import type { Clock, Disk, Links, NodeId, PeerError } from "../../../federation/index.ts";
import { seededRandom } from "../../../federation/random.ts";
import { createCrypto } from "../../../node/host/crypto.ts";
import { RaftGroup } from "../../../node/raft/group.ts";
import type { RaftGroupLimits } from "../../../node/raft/group-options.ts";

import { LinkHub } from "../../support/link-hub.ts";

export interface Applied {
  readonly index: number;
  readonly value: string;
}

export interface OpenedList {
  readonly group: RaftGroup<number>;
  /** What the list holds: from the snapshot and from the log. */
  readonly list: Applied[];
  /** Indexes that were applied in this life. */
  readonly applied: number[];
  readonly warnings: string[];
  readonly failures: PeerError[];
  put(value: string): Promise<{ readonly index: number; readonly result: number }>;
}

export const SMALL: Partial<RaftGroupLimits> = {
  entryBytesMax: 512,
  segmentBytes: 8192,
  snapshotEntries: 20,
  trailingEntries: 5,
};

export async function openList(
  disk: Disk,
  clock: Clock,
  options: {
    readonly self?: string;
    readonly founding?: "found" | "join";
    readonly links?: Links;
    readonly mayVote?: (peer: NodeId) => boolean;
    readonly limits?: Partial<RaftGroupLimits>;
    readonly apply?: (value: string) => void;
  } = {},
): Promise<OpenedList> {
  const list: Applied[] = [];
  const applied: number[] = [];
  const warnings: string[] = [];
  const failures: PeerError[] = [];
  const group = await RaftGroup.open<number>({
    disk,
    clock,
    crypto: createCrypto(),
    random: seededRandom(options.self ?? "n1"),
    log: (level, message) => {
      if (level === "warn") warnings.push(message);
    },
    ...{ regionId: "region", generation: 1, founding: options.founding ?? "found" },
    links: options.links ?? new LinkHub().join("alone"),
    folder: "raft",
    self: options.self ?? "n1",
    apply: (index, data) => {
      const value = new TextDecoder().decode(data);
      options.apply?.(value);
      list.push({ index, value });
      applied.push(index);
      return list.length;
    },
    snapshot: () => new TextEncoder().encode(JSON.stringify(list)),
    restore: (snapshot) => {
      list.length = 0;
      list.push(...(JSON.parse(new TextDecoder().decode(snapshot)) as Applied[]));
    },
    limits: options.limits ?? SMALL,
    ...(options.mayVote !== undefined && { mayVote: options.mayVote }),
    onFailure: (error) => failures.push(error),
  });
  const put = (value: string) => group.propose(new TextEncoder().encode(value));
  return { group, list, applied, warnings, failures, put };
}
