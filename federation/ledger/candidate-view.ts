/** The ledger as it would be if a job were submitted now, to plan on without submitting it. */
import { namedNeighbours } from "../fit/neighbours.ts";
import type { Allocation } from "../model/allocation.ts";
import type { AllocationId } from "../model/ids.ts";
import type { JobSpec } from "../model/job.ts";
import type { Hash } from "../ports.ts";
import type { AdmittedVersion, JobRecord } from "./command.ts";
import { currentVersionOf, scalesWith } from "./job/current-version.ts";
import { compareText } from "./rows.ts";
import type { LedgerView } from "./view.ts";

const NONE: ReadonlySet<AllocationId> = new Set();
/** No hash of a version: what is not submitted has none. */
const CANDIDATE_ID = "candidate" as Hash;

/**
 * `view` with `spec` as the current version of its job, and with `ended` allocations as if they had been
 * stopped and had ended. Reads through: good for as long as the ledger stays at its index.
 */
export function viewWithJob(
  view: LedgerView,
  spec: JobSpec,
  ended: ReadonlySet<AllocationId> = NONE,
): LedgerView {
  const record = withCandidate(view, spec);
  const isOwn = (namespace: string, id: string) => namespace === spec.namespace && id === spec.id;
  const seen = (allocation: Allocation): Allocation =>
    ended.has(allocation.id) ? { ...allocation, desired: "stop", status: "complete" } : allocation;
  const others = () => view.jobs().filter((job) => !isOwn(job.namespace, job.id));
  return {
    index: view.index,
    node: (id) => view.node(id),
    nodes: () => view.nodes(),
    job: (namespace, id) => (isOwn(namespace, id) ? record : view.job(namespace, id)),
    jobs: () => [...others(), record].toSorted(byName),
    jobsNaming: (namespace, id) => {
      const known = view.jobsNaming(namespace, id).filter((job) => !isOwn(job.namespace, job.id));
      const isNaming = namespace === spec.namespace && namedNeighbours(spec).has(id);
      return isNaming ? [...known, record].toSorted(byName) : known;
    },
    currentVersion: (job) => (job === record ? currentVersionOf(record) : view.currentVersion(job)),
    version: (namespace, id, number) =>
      isOwn(namespace, id)
        ? record.versions.find((version) => version.number === number)
        : view.version(namespace, id, number),
    allocation: (id) => {
      const found = view.allocation(id);
      return found === undefined ? undefined : seen(found);
    },
    allocations: () => view.allocations().map(seen),
    allocationsOfJob: (namespace, id) => view.allocationsOfJob(namespace, id).map(seen),
    allocationsOfNode: (id) => view.allocationsOfNode(id).map(seen),
    glanceAllocations: (visit) => view.allocations().map(seen).forEach(visit),
    glanceAllocationsOfJob: (namespace, id, visit) =>
      view.allocationsOfJob(namespace, id).map(seen).forEach(visit),
    evaluation: (id) => view.evaluation(id),
    evaluations: () => view.evaluations(),
    evaluationsOfJob: (namespace, id) => view.evaluationsOfJob(namespace, id),
    pendingEvaluations: (max) => view.pendingEvaluations(max),
  };
}

function withCandidate(view: LedgerView, spec: JobSpec): JobRecord {
  const before = view.job(spec.namespace, spec.id);
  const versions = before?.versions ?? [];
  const candidate: AdmittedVersion = {
    number: (versions.at(-1)?.number ?? 0) + 1,
    id: CANDIDATE_ID,
    operation: "run",
    spec,
    submittedBy: "",
    submittedAtMs: 0,
    index: view.index,
  };
  const scales = scalesWith(before, spec);
  return {
    ...(scales.length === 0 ? {} : { scales }),
    namespace: spec.namespace,
    id: spec.id,
    heads: [CANDIDATE_ID],
    versions: [...versions, candidate],
    stopped: false,
    createIndex: before?.createIndex ?? view.index,
    modifyIndex: view.index,
  };
}

function byName(left: JobRecord, right: JobRecord): number {
  return compareText(left.namespace, right.namespace) || compareText(left.id, right.id);
}
