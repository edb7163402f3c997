/** Plants known bugs in a copy of the sources, one at a time, and lets the lab look for them. */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { invariant } from "../../federation/index.ts";
import { MUTATIONS, type Mutation } from "../mutations/table.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const SOURCES = ["federation", "crdt", "drivers", "node", "lab", "examples", "package.json"];
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

export interface Finding {
  readonly mutation: Mutation;
  /** The run that found it, the seed and how; undefined: nothing did. */
  readonly found: { readonly run: string; readonly seed: number; readonly how: string } | undefined;
}

export interface MutationOptions {
  /** Only those whose name holds this. */
  readonly named: string;
  readonly firstSeed: number;
  readonly seeds: number;
  readonly minutes: number;
  log(line: string): void;
}

/** Every planted bug, and what found it. */
export async function runMutations(options: MutationOptions): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const mutation of MUTATIONS.filter(({ name }) => name.includes(options.named))) {
    const folder = plant(mutation);
    try {
      const found = await search(folder, mutation, options);
      findings.push({ mutation, found });
      const how = found === undefined ? "NOT FOUND" : `${found.run} seed ${found.seed}: ${found.how}`;
      options.log(`${mutation.name}: ${how}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return findings;
}

/** A copy of the sources with the bug in it. */
function plant({ file, find, name, replace }: Mutation): string {
  const folder = mkdtempSync(join(tmpdir(), `peer-mutation-${name}-`));
  for (const source of SOURCES) cpSync(join(ROOT, source), join(folder, source), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"), "dir");
  const path = join(folder, file);
  const text = readFileSync(path, "utf8");
  invariant(text.split(find).length === 2, `${name} fits ${file} once`);
  writeFileSync(
    path,
    text.replace(find, () => replace),
  );
  return folder;
}

async function search(
  folder: string,
  { runs }: Mutation,
  { firstSeed, minutes, seeds }: MutationOptions,
): Promise<Finding["found"]> {
  for (const run of runs) {
    const words = [...run.split(" "), ...["--seed", `${firstSeed}`, "--seeds", `${seeds}`, "--once"]];
    const output = await lab(folder, [...words, "--minutes", `${minutes}`]);
    const failed = /^(\S+) seed (\d+) commit \S+: (?!held)(.*)$/m.exec(output);
    if (failed !== null) return { run, seed: Number(failed[2]), how: failed[3]?.slice(0, 100) ?? "" };
    invariant(output.includes(": held"), `the lab runs in ${folder}`);
  }
  return undefined;
}

function lab(folder: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const command = ["--disable-warning=ExperimentalWarning", join(folder, "lab", "main.ts"), ...words];
    execFile(
      process.execPath,
      command,
      { cwd: folder, maxBuffer: OUTPUT_BYTES_MAX },
      (_error, out, errors) => {
        resolve(`${out}${errors}`);
      },
    );
  });
}
