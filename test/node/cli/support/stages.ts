/** One allocation on its way up, stage by stage, and the evaluation that placed it. */
import { ago, allocation, evaluation, task } from "./rows.ts";

export const pending = evaluation({ status: "pending" });
/** Placed by the plan that followed the submission at index 10. */
export const placed = allocation("a", {
  status: "pending",
  health: "unknown",
  create_index: 11,
  modify_index: 11,
  tasks: {},
});
export const running = {
  ...placed,
  status: "running" as const,
  modify_index: 13,
  tasks: { app: task({ started_at: ago(0) }) },
};
export const healthy = { ...running, health: "healthy" as const, modify_index: 14 };
