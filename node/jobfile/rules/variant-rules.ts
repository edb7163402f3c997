/** Rules for what runs a task, and for its variants: each has a driver, and nodes that it is for. */
import type { Path } from "../findings.ts";
import type { TaskDraft } from "../shape/job-shape.ts";
import { canonicalArch, canonicalOs } from "../tasks/variants.ts";
import type { RuleContext } from "./context.ts";

export function checkPrograms(task: TaskDraft, path: Path, context: RuleContext): void {
  const { driver, variants = [] } = task;
  checkDriver(driver, path, context);
  if (variants.length === 0) {
    // Without both it is told by the shape; a list that is wrong may have what is missing.
    if (driver !== undefined || !context.isList([...path, "variants"])) return;
    if (context.given([...path, "driver"]) || context.given([...path, "variants", 0])) return;
    context.problem([...path, "driver"], "is missing in a task", 'write "driver: process"');
    return;
  }
  const hasDriver = context.given([...path, "driver"]);
  for (const [index, variant] of variants.entries()) {
    if (variant === undefined) continue;
    const at = [...path, "variants", index];
    checkDriver(variant.driver, at, context);
    if (!hasDriver && !context.given([...at, "driver"])) {
      context.problem([...at, "driver"], "is missing: the task has none either", 'write "driver: process"');
    }
    checkPlatform(variants, index, at, context);
  }
}

type Variants = NonNullable<TaskDraft["variants"]>;

function checkPlatform(variants: Variants, index: number, at: Path, context: RuleContext): void {
  const variant = variants[index];
  if (variant === undefined) return;
  // A word that is no platform is told already, and what it was meant for is not known.
  const isKnown = (["os", "arch"] as const).every(
    (key) => variant[key] !== undefined || !context.given([...at, key]),
  );
  if (!isKnown) return;
  if (variant.os === undefined && variant.arch === undefined) {
    context.problem(
      at,
      "is for all nodes: say which by os, arch or both",
      "write what all share in the task itself",
    );
    return;
  }
  const first = variants.findIndex((other) => other !== undefined && covers(other, variant));
  if (first >= index) return;
  const message = `variants[${first}] comes first on all nodes that this one is for`;
  context.problem(at, message, "put it before that one, or remove it");
}

function covers(general: Variants[number] & object, special: Variants[number] & object): boolean {
  if (general.os === undefined && general.arch === undefined) return false;
  const isSystem =
    general.os === undefined || nameOf(general.os, canonicalOs) === nameOf(special.os, canonicalOs);
  const isArch =
    general.arch === undefined || nameOf(general.arch, canonicalArch) === nameOf(special.arch, canonicalArch);
  return isSystem && isArch;
}

function nameOf(name: string | undefined, canonical: (name: string) => string): string | undefined {
  return name === undefined ? undefined : canonical(name);
}

function checkDriver(driver: string | undefined, path: Path, context: RuleContext): void {
  if (driver !== "raw_exec") return;
  context.problem([...path, "driver"], "Nomad's raw_exec is called process here", 'write "driver: process"');
}
