import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Programs of other people that end-to-end tests use, the Debian package of each, and what for. */
const programs: readonly { readonly program: string; readonly debian: string; readonly use: string }[] = [
  { program: "curl", debian: "curl", use: "a client of the API that no one here wrote" },
  { program: "ps", debian: "procps", use: "what the system says of a task's processes" },
  { program: "busybox", debian: "busybox", use: "the launcher in the shell of small systems" },
  { program: "shellcheck", debian: "shellcheck", use: "mistakes in the launcher" },
  { program: "ip", debian: "iproute2", use: "network namespaces and addresses" },
];

const installTimeoutMs = 10 * 60_000;

/** Whether a program is on the PATH. */
export function hasProgram(program: string): boolean {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const names = process.platform === "win32" ? [`${program}.exe`, `${program}.cmd`] : [program];
  return folders.some((folder) => names.some((name) => isExecutable(join(folder, name))));
}

/**
 * For a test's `skip` option: false where the program is there, else why the test can't run.
 *
 *     test("answers curl", { skip: without("curl") }, …)
 */
export function without(program: string): string | false {
  return hasProgram(program) ? false : `${program} is not installed`;
}

/**
 * In CI, as root on a Debian system, installs what is missing; elsewhere only says so: a person's machine is
 * not ours to change.
 * @throws Error when CI cannot install: tests that silently skip there would prove nothing
 */
export function prepareSystem(): void {
  const missing = programs.filter(({ program }) => !hasProgram(program));
  if (missing.length === 0) return;
  const names = missing.map(({ debian }) => debian);
  if (process.env["CI"] === "true" && process.getuid?.() === 0 && hasProgram("apt-get")) {
    aptGet(["update"]);
    aptGet(["install", "--yes", "--no-install-recommends", ...names]);
    return;
  }
  process.stdout.write("MISSING PROGRAMS: tests that need them are skipped.\n");
  for (const { program, debian, use } of missing) {
    process.stdout.write(`  ${program}: ${use} (Debian and Ubuntu: apt-get install ${debian})\n`);
  }
}

function aptGet(args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync("apt-get", ["--quiet", ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    encoding: "utf8",
    timeout: installTimeoutMs,
  });
  if (status !== 0) throw new Error(`apt-get ${args.join(" ")} failed:\n${stdout}${stderr}`);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
