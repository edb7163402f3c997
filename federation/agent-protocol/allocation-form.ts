/** The form of an allocation on its way to its node. */
import { list, name, object, oneOf, optional } from "../intent/shape.ts";
import { reportedFields } from "../ledger/form/row-form.ts";
import {
  coresByTask,
  count,
  ITEMS_MAX,
  id,
  index,
  label,
  message,
  portsByLabel,
  time,
} from "../ledger/form/values.ts";
import type { Allocation } from "../model/allocation.ts";

export const allocation = object<Allocation>({
  ...reportedFields,
  namespace: name,
  job: name,
  version: count,
  group: name,
  index,
  nodeId: id,
  evaluation: id,
  resources: object<Allocation["resources"]>({
    cpu: count,
    memoryBytes: count,
    diskBytes: optional(count),
  }),
  cores: optional(coresByTask),
  ports: portsByLabel,
  desired: oneOf("run", "stop"),
  desiredReason: optional(message),
  restartGeneration: count,
  restartTask: optional(label),
  previous: optional(id),
  reschedules: list(time, { max: ITEMS_MAX }),
  next: optional(id),
  createIndex: index,
  modifyIndex: index,
  createdAtMs: time,
  modifiedAtMs: time,
});
