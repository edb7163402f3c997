/** Allocation directories on the real disk, in Nomad's layout. */
import { chmod, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { invariant, isName } from "../../federation/index.ts";
import type { AllocationDirectories, AllocationPaths } from "../parts.ts";

/** Only the peer's user; what a task run as another user needs is opened to it by its driver. */
const PRIVATE = 0o700;
/** Others may pass through to a directory that is theirs, but not list. */
const PASSABLE = 0o711;
const SHARED = 0o777;

export function realDirectories(dataDirectory: string): AllocationDirectories {
  const base = join(dataDirectory, "allocations");
  const paths = (id: string): AllocationPaths => {
    invariant(isName(id), `allocation id ${JSON.stringify(id)} is no safe folder name`);
    const root = join(base, id);
    return {
      root,
      logs: join(root, "alloc", "logs"),
      task: (name) => {
        invariant(isName(name), `task name ${JSON.stringify(name)} is no safe folder name`);
        return join(root, name);
      },
    };
  };
  return {
    paths,
    async prepare(id, tasks) {
      const made = paths(id);
      await directory(base, PASSABLE);
      await directory(made.root, PASSABLE);
      await directory(join(made.root, "alloc"), PASSABLE);
      for (const name of ["data", "tmp"]) await directory(join(made.root, "alloc", name), SHARED);
      await directory(made.logs, PRIVATE);
      for (const task of tasks) {
        await directory(made.task(task), PASSABLE);
        for (const name of ["local", "tmp"]) await directory(join(made.task(task), name), SHARED);
        await directory(join(made.task(task), "secrets"), PRIVATE);
      }
      return made;
    },
    async remove(id) {
      await rm(paths(id).root, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Sets the mode whatever the umask says. */
async function directory(path: string, mode: number): Promise<void> {
  await mkdir(path, { recursive: true });
  await chmod(path, mode);
}
