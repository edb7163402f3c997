import { type Static, Type } from "@sinclair/typebox";
import { HealthWord } from "./allocation.ts";
import { Count, ListOf, Nullable } from "./common.ts";

const closed = { additionalProperties: false } as const;

export const InstanceRow = Type.Object(
  {
    allocation_id: Type.String(),
    job: Type.String(),
    group: Type.String(),
    node_id: Type.String(),
    address: Type.String(),
    port: Nullable(Count),
    health: HealthWord,
  },
  { $id: "ServiceInstance", ...closed },
);
export type InstanceRow = Static<typeof InstanceRow>;

export const ServiceRow = Type.Object(
  {
    name: Type.String(),
    namespace: Type.String(),
    tags: Type.Array(Type.String()),
    instances: Type.Array(InstanceRow),
  },
  { $id: "Service", ...closed },
);
export type ServiceRow = Static<typeof ServiceRow>;
export const ServiceList = ListOf(ServiceRow);
