/** When a task of a group runs, described once: Nomad's lifecycle and leader, and `after`. */
import { LIFECYCLE_HOOKS } from "../../../federation/index.ts";
import * as limits from "../limits.ts";
import { optional, required, type Written } from "./shape.ts";
import { boolean, choice, duration, list, NAME, record } from "./shapes.ts";

const lifecycleShape = record(
  "lifecycle",
  {
    hook: required(
      choice(LIFECYCLE_HOOKS),
      "`prestart`: before the main tasks, `poststart`: once they run, `poststop`: after all others ended.",
      { hint: 'write "hook: prestart", "hook: poststart" or "hook: poststop"' },
    ),
    sidecar: optional(
      boolean(),
      "It runs beside the main tasks and is stopped after them, instead of running to its end once.",
      { default: false },
    ),
  },
  { hint: "write a map: lifecycle: { hook: prestart }" },
);

export const lifecycleField = optional(
  lifecycleShape,
  "When it runs, if not as a main task: those are the work of the group.",
  { hint: "write a map: lifecycle: { hook: prestart }" },
);

export const leaderField = optional(
  boolean(),
  "When it has ended, the others are stopped; it is stopped first.",
  { default: false },
);

export const afterField = optional(
  list("task", NAME, limits.TASKS_MAX),
  "Tasks of the group that it starts after: once those that end have ended well, once others run, and are " +
    "healthy by the checks that name them. They are stopped in reverse.",
  { hint: "write a list: after: [ database ]" },
);

export const shutdownDelayField = optional(
  duration(0, limits.HOUR_MS),
  "Time between its turn to be stopped and `kill_signal`. Default: none.",
);

export const groupShutdownDelayField = optional(
  duration(0, limits.HOUR_MS),
  "Time between the wish to stop an instance and the first signal to its tasks. Default: none.",
);

export type WrittenLifecycle = Written<typeof lifecycleShape>;
