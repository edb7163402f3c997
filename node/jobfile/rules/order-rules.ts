/** Rules for the order of a group's tasks: whatever has no order is refused, with its place. */
import { type OrderedTask, type OrderProblem, orderProblems, orderText } from "../../../federation/index.ts";
import { type Path, quote } from "../findings.ts";
import type { GroupDraft, TaskDraft } from "../shape/job-shape.ts";
import type { RuleContext } from "./context.ts";

export function checkOrder(group: GroupDraft, groupPath: Path, context: RuleContext): void {
  const drafts = Object.entries(group.tasks ?? {});
  const path = [...groupPath, "tasks"];
  for (const [name, task] of drafts) if (task !== undefined) checkSidecar(task, [...path, name], context);
  // What a hook or a task was meant to be is not known: it is told already.
  const isWhole = drafts.every(([name, task]) => {
    return (
      task !== undefined &&
      (task.lifecycle?.hook !== undefined || !context.given([...path, name, "lifecycle"]))
    );
  });
  if (!isWhole) return;
  const tasks = drafts.flatMap(([name, task]) => (task === undefined ? [] : orderedTask(name, task)));
  for (const problem of orderProblems(tasks)) tell(problem, tasks, groupPath, context);
}

function checkSidecar(task: TaskDraft, path: Path, context: RuleContext): void {
  if (task.lifecycle?.hook !== "poststop" || task.lifecycle.sidecar !== true) return;
  const message = "a poststop task runs when all others have ended: it is beside nothing";
  context.problem([...path, "lifecycle", "sidecar"], message, "remove it");
}

function orderedTask(name: string, task: TaskDraft): OrderedTask {
  const { hook, sidecar } = task.lifecycle ?? {};
  return {
    name,
    ...(hook === undefined ? {} : { lifecycle: { hook, sidecar: sidecar ?? false } }),
    ...(task.leader === undefined ? {} : { leader: task.leader }),
    after: (task.after ?? []).flatMap((other) => other ?? []),
  };
}

function tell(
  problem: OrderProblem,
  tasks: readonly OrderedTask[],
  groupPath: Path,
  context: RuleContext,
): void {
  const { kind, name = "", task } = problem;
  const path = [...groupPath, "tasks", task];
  const after = tasks.find((each) => each.name === task)?.after ?? [];
  const at = kind === "twice" ? after.lastIndexOf(name) : after.indexOf(name);
  const named = [...path, "after", Math.max(0, at)];
  const message = orderText(problem);
  switch (kind) {
    case "unknown": {
      const others = tasks.map((each) => each.name).filter((other) => other !== task);
      const guess = context.guess(name, others);
      if (guess !== undefined) context.problem(named, `${message}; did you mean ${quote(guess)}?`);
      else context.problem(named, message, others.length === 0 ? "remove it" : `it has ${others.join(", ")}`);
      return;
    }
    case "self":
    case "twice":
      context.problem(named, message, "remove it");
      return;
    case "later":
      context.problem(named, message, "remove it, or change one of the hooks");
      return;
    case "cycle":
      context.problem([...path, "after"], message, "remove one of them from an after");
      return;
    case "leaders":
      context.problem([...path, "leader"], message, "leave it with one of them");
      return;
    case "leader hook":
      context.problem([...path, "leader"], message, "remove leader, or lifecycle");
      return;
    case "no main":
      context.problem([...groupPath, "tasks"], message, "remove lifecycle from the task that does the work");
  }
}
