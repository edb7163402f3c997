import type { Violation } from "./rules.ts";

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** package-lock.json as far as it is judged; format 3 of npm. */
export interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/**
 * What a lock file must be: hashes of everything, no package that runs code while it is installed, no name of
 * a host, and the optional packages of all machines. (npm leaves those of other machines out when it rewrites
 * the lock file beside an existing node_modules; npm ci then refuses elsewhere.)
 */
export function checkLock({ packages }: Lock): Violation[] {
  return Object.entries(packages).flatMap(([place, locked]) => {
    const missing = Object.keys(locked.optionalDependencies ?? {})
      .filter((name) => !hasPackage(packages, place, name))
      .map((name) => `${place || "the project"} needs ${name}, which the lock file lacks (HACKING.md)`);
    if (!place.includes("node_modules/")) return missing;
    const own = [
      locked.hasInstallScript ? `${place} has an install script` : [],
      locked.resolved?.includes("://") ? `${place} names the host ${locked.resolved}` : [],
      locked.link || locked.integrity?.startsWith("sha512-") ? [] : `${place} has no sha512 hash`,
      locked.link || locked.version ? [] : `${place} has no version`,
    ].flat();
    return [...own, ...missing];
  });
}

function hasPackage(packages: Lock["packages"], place: string, name: string): boolean {
  return `node_modules/${name}` in packages || `${place}/node_modules/${name}` in packages;
}

export interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Every package is pinned, has a reason in docs/dependencies.md, and a home or a use as a program. */
export function checkManifest(manifest: Manifest, reasons: string, known: readonly string[]): Violation[] {
  const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies };
  return Object.entries(all).flatMap(([name, version]) => [
    ...(/^\d+\.\d+\.\d+$/.test(version) ? [] : [`${name} ${version}: name one exact version`]),
    ...(reasons.includes(`\`${name}\``) ? [] : [`${name} has no reason in docs/dependencies.md`]),
    ...(known.includes(name) ? [] : [`${name} has no home in test/tidy/table.ts`]),
  ]);
}
