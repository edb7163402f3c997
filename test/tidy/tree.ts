import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Violation } from "./rules.ts";
import { LIMITS, TOP_FOLDERS } from "./table.ts";

const ignoredAnywhere = new Set([".git", "node_modules", ".DS_Store"]);
const ignoredAtRoot = new Set(["dist", ".dev-data", ".install-lock"]);

export interface Entry {
  /** From the root, with `/`. */
  readonly path: string;
  readonly isFolder: boolean;
}

/** Everything in the repository that git would keep, folders before what is in them, sorted. */
export function walk(root: string, folder = ""): Entry[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  return entries
    .filter(({ name }) => !ignoredAnywhere.has(name) && !(folder === "" && ignoredAtRoot.has(name)))
    .filter(({ name }) => !/\.(log|tgz)$/.test(name) && join(folder, name) !== join("docs", "api"))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      const self = { path, isFolder: entry.isDirectory() };
      return self.isFolder ? [self, ...walk(root, path)] : [self];
    });
}

export const isCode = (path: string) => /\.(ts|mjs)$/.test(path);

/** Names, places and numbers of files. */
export function checkTree(entries: readonly Entry[]): Violation[] {
  return [...topFolders(entries), ...names(entries), ...folderSizes(entries), ...plainJavaScript(entries)];
}

function topFolders(entries: readonly Entry[]): Violation[] {
  return entries
    .filter(({ path, isFolder }) => isFolder && !path.includes("/") && !TOP_FOLDERS.includes(path))
    .map(({ path }) => `${path}/ is no top-level folder of this project`);
}

const kebabCase = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;

function names(entries: readonly Entry[]): Violation[] {
  return entries
    .filter(({ path }) => path.includes("/") && !/^(\.|docs\/|test\/vectors\/)/.test(path))
    .filter(({ path }) => !kebabCase.test(path.slice(path.lastIndexOf("/") + 1)))
    .map(({ path }) => `${path}: names are in kebab-case`);
}

function folderSizes(entries: readonly Entry[]): Violation[] {
  const counts = new Map<string, number>();
  for (const { path, isFolder } of entries) {
    if (isFolder || !isCode(path)) continue;
    const folder = path.slice(0, path.lastIndexOf("/"));
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts]
    .map(([folder, count]) => ({ folder, count, most: mostFiles(folder) }))
    .filter(({ folder, count, most }) => folder !== "test/e2e" && count > most)
    .map(({ folder, count, most }) => `${folder}/ has ${count} source files: at most ${most}`);
}

function plainJavaScript(entries: readonly Entry[]): Violation[] {
  return entries
    .filter(({ path }) => /\.(c|m)?jsx?$|\.tsx$|\.cts$|\.mts$/.test(path))
    .filter(({ path }) => !path.startsWith("node/launcher/") && !path.startsWith("examples/"))
    .map(({ path }) => `${path}: the project is written in .ts files; only the launcher is plain JavaScript`);
}

const machinePath = /(?<![\w.-])\/(?:work|tmp\/brief)\//;
const registryHost = /\bregistry\.(npmjs|yarnpkg|npmmirror)\b/;

/** Nothing names the machine it was written on, nor where its packages were fetched. */
export function checkText(path: string, text: string): Violation[] {
  return text.split("\n").flatMap((line, index) => {
    const found = (machinePath.exec(line) ?? registryHost.exec(line))?.[0];
    return found ? [`${path}:${index + 1} names ${found}`] : [];
  });
}

export function readText(root: string, path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function mostFiles(folder: string): number {
  return folder.startsWith("test/") ? LIMITS.testFolderFiles : LIMITS.folderFiles;
}
