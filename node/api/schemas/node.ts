import { type Static, Type } from "@sinclair/typebox";
import type { NodeStatus } from "../../../federation/index.ts";
import { Count, ListOf, Nullable, OneOf, Texts, Time } from "./common.ts";

const closed = { additionalProperties: false } as const;

const StatusWord = OneOf<NodeStatus>({ ready: true, down: true, draining: true, unknown: true });

export const DriverRow = Type.Object(
  {
    detected: Type.Boolean(),
    healthy: Type.Boolean(),
    reason: Type.Optional(Type.String({ description: "why not" })),
    attributes: Texts,
  },
  { $id: "Driver", ...closed },
);
export type DriverRow = Static<typeof DriverRow>;

export const NodeRow = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    region: Type.String(),
    status: StatusWord,
    eligible: Type.Boolean({ description: "may get new allocations" }),
    voter: Type.Boolean(),
    address: Type.String(),
    os: Type.String(),
    arch: Type.String(),
    version: Type.String(),
    drivers: Type.Record(Type.String(), DriverRow),
    resources: Type.Object(
      { cpu: Count, memory_bytes: Count, disk_bytes: Count },
      { ...closed, description: "what tasks may use; cpu in thousandths of a core" },
    ),
    allocated: Type.Object({ cpu: Count, memory_bytes: Count }, closed),
    pool: Type.String({ description: "what the node says of itself, as are datacenter and zone" }),
    datacenter: Type.String(),
    zone: Nullable(Type.String()),
    labels: Texts,
    meta: Texts,
    attributes: Texts,
    incarnation: Count,
    create_index: Count,
    modify_index: Count,
    registered_at: Time,
  },
  { $id: "Node", ...closed },
);
export type NodeRow = Static<typeof NodeRow>;
export const NodeList = ListOf(NodeRow);

export const RegionRow = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    generation: Count,
    leader: Nullable(Type.String({ description: "node id; null where there is none now" })),
    voters: Type.Array(Type.String()),
  },
  { $id: "Region", ...closed },
);
export type RegionRow = Static<typeof RegionRow>;
export const RegionList = ListOf(RegionRow);
