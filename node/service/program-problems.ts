/** What drivers say of the tasks of a job, each as it runs somewhere. */
import type { Driver } from "../../drivers/index.ts";
import { type JobSpec, layOver, type Problem, runsByItself, type TaskSpec } from "../../federation/index.ts";

const IF_NONE =
  "nodes that no variant is for run this; if none shall, write the driver in each variant instead";

type Drivers = ReadonlyMap<string, Driver>;

export function programProblems(spec: JobSpec, drivers: Drivers): readonly Problem[] {
  return spec.groups.flatMap((group) =>
    group.tasks.flatMap((task) => taskProblems(task, `groups.${group.name}.tasks.${task.name}`, drivers)),
  );
}

function taskProblems(task: TaskSpec, path: string, drivers: Drivers): readonly Problem[] {
  const own = task.driver !== undefined && runsByItself(task) ? [{ path, ...task, driver: task.driver }] : [];
  const variants = (task.variants ?? []).flatMap((variant, index) => {
    const program = layOver(task, variant);
    return program === undefined ? [] : [{ path: `${path}.variants[${index}]`, ...program }];
  });
  // Partly written, for variants to complete, it is taken for what other nodes run.
  const hint = variants.length === 0 ? {} : { hint: IF_NONE };
  return [
    ...own.flatMap((program) => problemsOf(program, drivers)).map((problem) => ({ ...problem, ...hint })),
    ...variants.flatMap((program) => problemsOf(program, drivers)),
  ];
}

function problemsOf(
  { config, driver: name, path }: { path: string; driver: string; config: TaskSpec["config"] },
  drivers: Drivers,
): readonly Problem[] {
  const driver = drivers.get(name);
  if (driver === undefined) {
    const known = [...drivers.keys()].join(", ");
    return [{ path: `${path}.driver`, message: `no driver ${name} in this release; it has: ${known}` }];
  }
  return driver
    .validate(config)
    .map((problem) => ({ path: `${path}.config.${problem.path}`, message: problem.message }));
}
