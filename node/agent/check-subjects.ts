/** Which checks of a group have somebody to ask. Pure. */
import { type GroupSpec, roleOf } from "../../federation/index.ts";
import type { CheckSubjects } from "./check-monitor.ts";

export function checkSubjects(
  group: GroupSpec,
  stateOf: (task: string) => "running" | "complete" | "waiting" | "stopping",
): CheckSubjects {
  const mains = group.tasks.filter((task) => roleOf(task) === "main").map(({ name }) => stateOf(name));
  return {
    task: (name) => stateOf(name) === "running",
    // First asked once all are there; that one crashed later shows in the answers.
    group: (isOn) =>
      mains.includes("running") &&
      !mains.includes("stopping") &&
      (isOn || mains.every((state) => state === "running" || state === "complete")),
  };
}
