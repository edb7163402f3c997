/** Which instances a group is to be near, or apart from: its own wishes, and those of others about it. */
import type { JobRecord } from "../ledger/command.ts";
import type { JobId } from "../model/ids.ts";
import { type GroupSpec, type JobSpec, type Neighbour, NODE_ITSELF } from "../model/job.ts";

/** A wish as one group has it. */
export interface NeighbourWish extends Neighbour {
  readonly job: JobId;
  /** The group's own instances are among those that it names. */
  readonly includesOwn: boolean;
  /** What refusals and advice call it: `near job db`, `apart from group cache by meta.rack`. */
  readonly text: string;
  /** Another one asks for it, of this one. */
  readonly isAsked?: true;
}

/** What has to be known of other jobs. */
export interface NeighbourSource {
  /** Jobs whose newest version names this one as a neighbour, in order of name. */
  jobsNaming(namespace: string, job: JobId): readonly JobRecord[];
}

const NONE: readonly NeighbourWish[] = [];
const NOBODY: ReadonlySet<JobId> = new Set();
const REASON_LENGTH_MAX = 200;

/** The group's own wishes and its job's. */
export function ownNeighbourWishes(spec: JobSpec, group: GroupSpec): readonly NeighbourWish[] {
  if (spec.neighbours === undefined && group.neighbours === undefined) return NONE;
  const { neighbours: ofJob = [] } = spec;
  const { neighbours: ofGroup = [] } = group;
  return [...ofJob, ...ofGroup].map((wish) => wishOf(spec, group, wish));
}

/**
 * With what others must be apart from: who is asked to keep away may not come near by itself, either. Wishes
 * with a weight are those of their author alone.
 */
export function neighbourWishes(
  source: NeighbourSource,
  spec: JobSpec,
  group: GroupSpec,
): readonly NeighbourWish[] {
  const own = ownNeighbourWishes(spec, group);
  const naming = source.jobsNaming(spec.namespace, spec.id);
  // Most jobs have to do with no other.
  if (naming.length === 0 && !hasNeighbours(spec)) return own;
  const others = naming.flatMap(({ versions }) => versions.at(-1)?.spec ?? []);
  const known = new Set(own.map(identity));
  const asked = [spec, ...others].flatMap((asking) => askedOf(asking, spec, group));
  return [...own, ...asked.filter((wish) => !known.has(identity(wish)))];
}

function hasNeighbours({ groups, neighbours }: JobSpec): boolean {
  if (neighbours !== undefined) return true;
  for (const group of groups) if (group.neighbours !== undefined) return true;
  return false;
}

/** Jobs that a job names, itself left out. */
export function namedNeighbours(spec: JobSpec): ReadonlySet<JobId> {
  if (!hasNeighbours(spec)) return NOBODY;
  const named = new Set<JobId>();
  for (const { neighbours = [] } of [spec, ...spec.groups]) {
    for (const { job } of neighbours) if (job !== undefined && job !== spec.id) named.add(job);
  }
  return named;
}

/** Whether an instance of this group is one that the wish names. */
export function isNamed(wish: Pick<NeighbourWish, "job" | "group">, job: JobId, group: string): boolean {
  return wish.job === job && (wish.group === undefined || wish.group === group);
}

/**
 * Why a node can't take an instance; undefined where it can, or where the wish has a weight. `isThere`: one
 * that it names shares the node's value. `isAnywhere`: there is one at all. What is to be near others of its
 * own kind may begin anywhere.
 */
export function neighbourRefusal(
  wish: NeighbourWish,
  isThere: boolean,
  isAnywhere: boolean,
): string | undefined {
  if (wish.weight !== undefined) return undefined;
  const isMet = wish.kind === "apart" ? !isThere : isThere || (wish.includesOwn && !isAnywhere);
  return isMet ? undefined : wish.text;
}

function wishOf(spec: JobSpec, group: GroupSpec, wish: Neighbour): NeighbourWish {
  const job = wish.job ?? spec.id;
  const includesOwn = isNamed({ ...wish, job }, spec.id, group.name);
  const word = wish.kind === "near" ? "near" : "apart from";
  return { ...wish, job, includesOwn, text: `${word} ${placeText(spec, wish)}`.slice(0, REASON_LENGTH_MAX) };
}

function placeText(spec: JobSpec, { by, group, job }: Neighbour): string {
  const by_ = by === NODE_ITSELF ? "" : ` by ${by}`;
  const isOwn = job === undefined || job === spec.id;
  if (isOwn && group !== undefined) return `group ${group}${by_}`;
  return `job ${job ?? spec.id}${group === undefined ? "" : ` group ${group}`}${by_}`;
}

/** What the groups of `asking` must be apart from, as far as it is this group. */
function askedOf(asking: JobSpec, spec: JobSpec, group: GroupSpec): readonly NeighbourWish[] {
  return asking.groups.flatMap((other) => {
    if (asking === spec && other.name === group.name) return [];
    const hard = ownNeighbourWishes(asking, other).filter(
      (wish) => wish.kind === "apart" && wish.weight === undefined && isNamed(wish, spec.id, group.name),
    );
    return hard.map(({ by }): NeighbourWish => {
      const wish = wishOf(spec, group, { kind: "apart", job: asking.id, group: other.name, by });
      return { ...wish, text: `${wish.text}, which asks for it`.slice(0, REASON_LENGTH_MAX), isAsked: true };
    });
  });
}

function identity({ by, group = "", job, kind, weight = 0 }: NeighbourWish): string {
  return [kind, job, group, by, weight].join(" ");
}
