/** How a change reaches running instances: what belongs together there. */
import type { JobType } from "../../../federation/index.ts";
import { UPDATE_DEFAULT } from "../defaults.ts";
import type { Path } from "../findings.ts";
import type { GroupDraft, JobDraft } from "../shape/job-shape.ts";
import { formatDuration } from "../units.ts";
import type { RuleContext } from "./context.ts";

type UpdateDraft = NonNullable<JobDraft["update"]>;

export function checkJobUpdate({ update }: JobDraft, type: JobType, context: RuleContext): void {
  if (update !== undefined) checkUpdate(update, type, ["update"], context);
}

/** What a group leaves out it has from its job. */
export function checkGroupUpdate(
  job: JobDraft,
  group: GroupDraft,
  type: JobType,
  groupPath: Path,
  context: RuleContext,
): void {
  const update = { ...job.update, ...group.update };
  if (group.update !== undefined) checkUpdate(update, type, [...groupPath, "update"], context);
  if (type !== "service" || update.order !== "start-first") return;
  for (const [label, port] of Object.entries(group.network?.ports ?? {})) {
    if (port?.static === undefined) continue;
    const path = [...groupPath, "network", "ports", label, "static"];
    const why = `the old one has port ${port.static}`;
    const message = `under order: start-first the new instance needs another node: ${why}`;
    context.warning(path, message, 'write "order: stop-first", or remove static');
    return;
  }
}

function checkUpdate(update: UpdateDraft, type: JobType, path: Path, context: RuleContext): void {
  if (type !== "service") {
    const message = `a ${type} job is not rolled out: a changed one runs again`;
    context.problem(path, message, "remove update");
    return;
  }
  const { min_healthy_time: minHealthy = UPDATE_DEFAULT.minHealthyTimeMs } = update;
  const { healthy_deadline: deadline = UPDATE_DEFAULT.healthyDeadlineMs } = update;
  const { progress_deadline: progress = 0 } = update;
  const deadlineText = formatDuration(deadline);
  if (minHealthy >= deadline) {
    const healthyText = formatDuration(minHealthy);
    const message = `min_healthy_time ${healthyText} leaves no time before healthy_deadline, ${deadlineText}`;
    context.problem(path, message, "raise healthy_deadline, or lower min_healthy_time");
  }
  if (progress > 0 && progress <= deadline) {
    const progressText = formatDuration(progress);
    const message = `progress_deadline ${progressText} ends before healthy_deadline, ${deadlineText}`;
    context.problem(path, message, "raise progress_deadline, or write 0 for none");
  }
}
