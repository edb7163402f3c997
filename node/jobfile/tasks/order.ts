/** The place of a task in its group, between the file and the model: absent where the file says nothing. */
import type { GroupSpec, RestartPolicy, TaskSpec } from "../../../federation/index.ts";
import type { TaskFile } from "../shape/job-shape.ts";
import type { WrittenLifecycle } from "../shape/lifecycle-shape.ts";
import { formatDuration } from "../units.ts";

type Place = Pick<TaskSpec, "lifecycle" | "leader" | "after" | "shutdownDelayMs" | "restart">;

/** `group`: the group's policy, which a task's own fields override one by one. */
export function taskPlace(file: TaskFile, group: RestartPolicy): Place {
  const { after = [], lifecycle, restart, shutdown_delay: delayMs = 0 } = file;
  const own: RestartPolicy = {
    attempts: restart?.attempts ?? group.attempts,
    intervalMs: restart?.interval ?? group.intervalMs,
    delayMs: restart?.delay ?? group.delayMs,
    mode: restart?.mode ?? group.mode,
  };
  return {
    ...(lifecycle === undefined
      ? {}
      : { lifecycle: { hook: lifecycle.hook, sidecar: lifecycle.sidecar ?? false } }),
    ...(file.leader === true ? { leader: true } : {}),
    ...(after.length === 0 ? {} : { after: after.toSorted() }),
    ...(isSamePolicy(own, group) ? {} : { restart: own }),
    ...(delayMs === 0 ? {} : { shutdownDelayMs: delayMs }),
  };
}

function isSamePolicy(left: RestartPolicy, right: RestartPolicy): boolean {
  const keys = ["attempts", "intervalMs", "delayMs", "mode"] as const;
  return keys.every((key) => left[key] === right[key]);
}

interface WrittenPlace {
  readonly lifecycle: WrittenLifecycle | undefined;
  readonly leader: boolean | undefined;
  readonly after: readonly string[] | undefined;
  readonly shutdown_delay: string | undefined;
}

/** With `undefined` for what a file leaves out; `restart` is written by who writes the group's. */
export function formatPlace({ after, leader, lifecycle, shutdownDelayMs }: TaskSpec): WrittenPlace {
  return {
    lifecycle:
      lifecycle === undefined
        ? undefined
        : { hook: lifecycle.hook, ...(lifecycle.sidecar ? { sidecar: true } : {}) },
    leader,
    after,
    shutdown_delay: formatDelay(shutdownDelayMs),
  };
}

export function formatDelay(delayMs: GroupSpec["shutdownDelayMs"]): string | undefined {
  return delayMs === undefined ? undefined : formatDuration(delayMs);
}
