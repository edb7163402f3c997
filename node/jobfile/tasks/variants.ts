/** Variants of a task between the file and the model: one name for each platform. */
import type { TaskSpec, TaskVariant } from "../../../federation/index.ts";
import { ARCH_ALIASES, OS_ALIASES, type VariantFile, type WrittenVariant } from "../shape/variant-shape.ts";
import { formatDuration } from "../units.ts";

export function canonicalOs(os: string): string {
  return Object.hasOwn(OS_ALIASES, os) ? OS_ALIASES[os as keyof typeof OS_ALIASES] : os;
}

export function canonicalArch(arch: string): string {
  return Object.hasOwn(ARCH_ALIASES, arch) ? ARCH_ALIASES[arch as keyof typeof ARCH_ALIASES] : arch;
}

/** Absent where the file has none, so that jobs without them keep their hashes. */
export function variantsOf(files: readonly VariantFile[] = []): Pick<TaskSpec, "variants"> {
  return files.length === 0 ? {} : { variants: files.map(variantOf) };
}

function variantOf(file: VariantFile): TaskVariant {
  const { arch, config = {}, driver, env = {}, os } = file;
  const variables = Object.entries(env).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return {
    ...(os === undefined ? {} : { os: canonicalOs(os) }),
    ...(arch === undefined ? {} : { arch: canonicalArch(arch) }),
    ...(driver === undefined ? {} : { driver }),
    ...(Object.keys(config).length === 0 ? {} : { config }),
    ...(variables.length === 0 ? {} : { env: Object.fromEntries(variables) }),
    ...(file.kill_signal === undefined ? {} : { killSignal: file.kill_signal }),
    ...(file.kill_timeout === undefined ? {} : { killTimeoutMs: file.kill_timeout }),
  };
}

export function formatVariants(
  variants: readonly TaskVariant[] | undefined,
): readonly WrittenVariant[] | undefined {
  return variants?.map(({ killSignal, killTimeoutMs, ...same }): WrittenVariant => {
    const written = {
      ...same,
      ...(killSignal === undefined ? {} : { kill_signal: killSignal }),
      ...(killTimeoutMs === undefined ? {} : { kill_timeout: formatDuration(killTimeoutMs) }),
    };
    // The core's texts are any; the file's are some of a list.
    return written as WrittenVariant;
  });
}
