/** What the keeper asks of the operating system about processes. One implementation per platform. */

/** Names a process for ever: numbers are used again, not with the same start in the same boot. */
export interface ProcessIdentity {
  readonly pid: number;
  /** A decimal number in the platform's own unit: ticks since boot, or time since 1970. */
  readonly startTime: string;
  readonly bootId: string;
}

export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  /** Process group and session; 0 where the platform has none. */
  readonly group: number;
  readonly session: number;
  readonly startTime: string;
  /** Its own and its reaped children's. */
  readonly cpuSeconds: number;
  /** Resident bytes; 0 when `memoryBytes` has to be asked. */
  readonly residentBytes: number;
  /** Value of the run marker in its environment, as far as this user may read it. */
  readonly run?: string;
}

export interface ProcessTable {
  /** Changes with each boot of the machine. */
  readonly bootId: string;
  /** Whether each look starts a program: then don't look every second. */
  readonly isCostly: boolean;
  /** One process; undefined when there is none of that number, or only its zombie. Tells no `run`. */
  row(pid: number): Promise<ProcessRow | undefined>;
  /** All live processes, zombies left out. */
  list(): Promise<readonly ProcessRow[]>;
  /** Memory with shared pages counted in proportion, where the platform tells; else resident. */
  memoryBytes(row: ProcessRow): Promise<number>;
  /** The environment it was started with, where the platform tells. */
  environment(pid: number): Promise<Readonly<Record<string, string>> | undefined>;
}

export async function isAlive(table: ProcessTable, identity: ProcessIdentity): Promise<boolean> {
  if (identity.bootId !== table.bootId) return false;
  return (await table.row(identity.pid))?.startTime === identity.startTime;
}

type Start = { readonly pid: number; readonly startTime: string };

/**
 * Live processes that belong to a run: marked ones, the main one, its process group and session, and all
 * their descendants; never `self`. Pure. Group and session are believed only while their number can't have
 * been given to a stranger: the kernel keeps it while a member lives, so its leader must be gone or be the
 * main process itself.
 */
export function selectTree(
  rows: readonly ProcessRow[],
  run: string,
  main: Start | undefined,
  self: number,
): readonly ProcessRow[] {
  const others = rows.filter((row) => row.pid !== self && row.pid > 1);
  const leader = main === undefined ? undefined : others.find((row) => row.pid === main.pid);
  const isReused = leader !== undefined && leader.startTime !== main?.startTime;
  const isKin = (row: ProcessRow): boolean =>
    main !== undefined &&
    !isReused &&
    (row.pid === main.pid || row.group === main.pid || row.session === main.pid);
  const chosen = new Set(others.filter((row) => row.run === run || isKin(row)));
  const children = childrenByParent(others);
  const pending: Start[] = [...chosen];
  if (main !== undefined && leader?.startTime !== main.startTime) pending.push(main);
  for (let parent = pending.pop(); parent !== undefined; parent = pending.pop()) {
    const successor = parent === main && isReused ? leader : undefined;
    for (const child of children.get(parent.pid) ?? []) {
      if (chosen.has(child) || !isBetween(child, parent, successor)) continue;
      chosen.add(child);
      pending.push(child);
    }
  }
  return [...chosen];
}

/**
 * Windows leaves the parent's number in its orphans: a child is its child only if it is not older, nor
 * younger than the next process of that number. Elsewhere orphans change parents and this holds by itself.
 */
function isBetween(child: Start, parent: Start, successor: Start | undefined): boolean {
  const start = Number(child.startTime);
  if (start < Number(parent.startTime)) return false;
  return successor === undefined || start < Number(successor.startTime);
}

function childrenByParent(rows: readonly ProcessRow[]): Map<number, ProcessRow[]> {
  const children = new Map<number, ProcessRow[]>();
  for (const row of rows) {
    const siblings = children.get(row.parent);
    if (siblings === undefined) children.set(row.parent, [row]);
    else siblings.push(row);
  }
  return children;
}
