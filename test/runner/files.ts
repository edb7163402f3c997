import { globSync, statSync } from "node:fs";
import { join } from "node:path";

/** Unit tests share a few processes; each end-to-end file has one of its own. */
export interface TestFiles {
  readonly unit: readonly string[];
  readonly endToEnd: readonly string[];
}

/**
 * Every `*.test.ts` below test/, sorted, as paths from the root.
 * @param substrings keep files whose path holds one of them; none keeps all
 */
export function testFiles(root: string, substrings: readonly string[]): TestFiles {
  const all = globSync("test/**/*.test.ts", { cwd: root }).map((file) => file.replaceAll("\\", "/"));
  const chosen = all.filter(
    (file) => substrings.length === 0 || substrings.some((part) => file.includes(part)),
  );
  const sorted = chosen.sort();
  const isEndToEnd = (file: string) => file.startsWith("test/e2e/");
  return { unit: sorted.filter((file) => !isEndToEnd(file)), endToEnd: sorted.filter(isEndToEnd) };
}

/** Splits files into at most `count` groups of about equal size in bytes, always the same. */
export function balance(root: string, files: readonly string[], count: number): string[][] {
  const sized = files.map((file) => ({ file, bytes: statSync(join(root, file)).size }));
  const groups = Array.from({ length: count }, () => ({ bytes: 0, files: [] as string[] }));
  for (const { file, bytes } of sized.sort((a, b) => b.bytes - a.bytes || a.file.localeCompare(b.file))) {
    const smallest = groups.reduce((least, group) => (group.bytes < least.bytes ? group : least));
    smallest.bytes += bytes;
    smallest.files.push(file);
  }
  return groups.map((group) => group.files.sort()).filter((group) => group.length > 0);
}
