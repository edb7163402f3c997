/** A job's versions as its instances need them. */
import { canonicalText } from "../../canonical.ts";
import type { NodeConstraint } from "../../fit/constraint/constraint.ts";
import { wishesOf } from "../../fit/constraint/wishes.ts";
import type { AdmittedVersion, JobRecord } from "../../ledger/command.ts";
import type { LedgerView } from "../../ledger/view.ts";
import type { Allocation } from "../../model/allocation.ts";
import { isSameRun } from "../same-run.ts";
import { isWelcome } from "../system.ts";

export interface Versions {
  readonly current: AdmittedVersion;
  /** Its group runs unchanged under the current version. */
  isCurrent(allocation: Allocation): boolean;
  /** The current version may have it on its node; what that version placed was asked then. */
  isWelcome(allocation: Allocation): boolean;
  /**
   * Since then the job was stopped and started again, or submitted again as it was: what had ended by then is
   * past, its failures do not count.
   */
  isPast(allocation: Allocation): boolean;
}

export function versionsOf(view: LedgerView, record: JobRecord): Versions {
  const current = view.currentVersion(record);
  const known = new Map<string, boolean>();
  return {
    current,
    isCurrent: ({ group, version }) => {
      if (version === current.number) return true;
      const key = `${version} ${group}`;
      const answer = known.get(key) ?? isUnchanged(view, record, current, version, group);
      known.set(key, answer);
      return answer;
    },
    isWelcome: ({ group, nodeId, version }) =>
      version === current.number || isWelcome(view.node(nodeId), constraintsOf(current, group)),
    isPast: ({ version }) =>
      record.versions.some(
        (later, at) =>
          later.number > version && (later.operation === "stop" || isAgain(record.versions[at - 1], later)),
      ),
  };
}

/** The same once more: somebody wants what failed to be tried again. */
function isAgain(before: AdmittedVersion | undefined, { spec }: AdmittedVersion): boolean {
  return before?.operation === "run" && canonicalText(before.spec) === canonicalText(spec);
}

function constraintsOf({ spec }: AdmittedVersion, name: string): readonly NodeConstraint[] {
  const group = spec.groups.find((candidate) => candidate.name === name);
  return group === undefined ? [] : wishesOf(spec, group).constraints;
}

function isUnchanged(
  view: LedgerView,
  record: JobRecord,
  current: AdmittedVersion,
  version: number,
  group: string,
): boolean {
  // A version that the ledger forgot can't be proved equal.
  const before = view.version(record.namespace, record.id, version);
  return before !== undefined && isSameRun(before.spec, current.spec, group);
}
