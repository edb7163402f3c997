/** The form of what snapshots of the table hold as JSON. */
import {
  type Check,
  integer,
  isAscending,
  list,
  name,
  object,
  optional,
  problemAt,
} from "../../intent/shape.ts";
import {
  type Cohort,
  HAS_FINISHED,
  HAS_PID,
  HAS_STARTED,
  type Rest,
  TASK_NUMBERS,
  type TaskPattern,
} from "../columns/parts.ts";
import { resourcesHeld, taskRecord } from "../form/row-form.ts";
import { coresByTask, count, facts, ITEMS_MAX, id, index, label, message, time } from "../form/values.ts";
import { type DictionaryPart, FRAME_ROWS } from "./encoding.ts";

/** Ports of one allocation. */
const LABELS_MAX = 1000;
/** Own, previous and next, of each row of a frame. */
const ODD_MAX = 3 * FRAME_ROWS;

const labels: Check = (value, path) =>
  list(label, { max: LABELS_MAX })(value, path) ??
  (isAscending(value as string[]) && !(value as string[]).includes("__proto__")
    ? undefined
    : problemAt(path, "must be sorted, without duplicates"));

const cohort = object<Cohort>({
  namespace: name,
  job: name,
  version: count,
  group: name,
  evaluation: id,
  resources: resourcesHeld,
  createIndex: index,
  createdAtMs: time,
  labels,
});

const patternFields = object<TaskPattern>({ record: taskRecord, numbers: integer(0, TASK_NUMBERS) });

/** What stands in words stands nowhere else. */
const pattern: Check = (value, path) => {
  const found = patternFields(value, path);
  if (found !== undefined) return found;
  const { numbers, record } = value as TaskPattern;
  const isDouble =
    (numbers & HAS_PID && record.pid !== undefined) ||
    (numbers & HAS_STARTED && record.startedAtMs !== undefined) ||
    (numbers & HAS_FINISHED && record.finishedAtMs !== undefined);
  return isDouble ? problemAt(path, "has a number twice") : undefined;
};

const rest = object<Rest>({
  desiredReason: optional(message),
  restartGeneration: count,
  restartTask: optional(label),
  reschedules: list(time, { max: ITEMS_MAX }),
  cores: optional(coresByTask),
  tasks: facts(pattern),
  message: optional(message),
});

export const dictionaryForm = object<DictionaryPart>({
  cohorts: list(cohort, { max: FRAME_ROWS }),
  rests: list(rest, { max: FRAME_ROWS }),
  nodes: list(id, { max: FRAME_ROWS }),
  odd: list(id, { max: ODD_MAX }),
});
