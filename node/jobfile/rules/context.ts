import { nearest } from "../../../federation/index.ts";
import type { Findings, Path } from "../findings.ts";
import { locate, nodeAt, type Tree } from "../text/tree.ts";

const GUESS_LENGTH_MAX = 32;

/** Where rules look and what they say. */
export class RuleContext {
  readonly #tree: Tree;
  readonly #problems: Findings;
  readonly #warnings: Findings;

  constructor(tree: Tree, problems: Findings, warnings: Findings) {
    this.#tree = tree;
    this.#problems = problems;
    this.#warnings = warnings;
  }

  /** Written in the file, rightly or not: what is there but wrong is not missing too. */
  given(path: Path): boolean {
    return locate(this.#tree, path).exists;
  }

  /** A list stands there, rather than a single record. */
  isList(path: Path): boolean {
    return nodeAt(this.#tree, path)?.kind === "list";
  }

  /** The candidate that was probably meant. Costs the square of the length, so long words get no guess. */
  guess(word: string, candidates: readonly string[]): string | undefined {
    return this.#problems.full || word.length > GUESS_LENGTH_MAX ? undefined : nearest(word, candidates);
  }

  problem(path: Path, message: string, hint?: string): void {
    this.#add(this.#problems, path, message, hint);
  }

  warning(path: Path, message: string, hint?: string): void {
    this.#add(this.#warnings, path, message, hint);
  }

  #add(findings: Findings, path: Path, message: string, hint: string | undefined): void {
    findings.add({ path, offset: locate(this.#tree, path).offset, message, hint });
  }
}
