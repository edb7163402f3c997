/** Job files to the model, or all that is wrong with them. */
import { err, type JobSpec, ok, type Problem, type Result } from "../../federation/index.ts";
import { foreignText, foreignTree } from "./dialect.ts";
import { Findings, NOWHERE, parsePath } from "./findings.ts";
import { TEXT_BYTES_MAX } from "./limits.ts";
import { readShape } from "./reader.ts";
import { RuleContext } from "./rules/context.ts";
import { checkRules } from "./rules/job-rules.ts";
import { type JobFile, jobShape } from "./shape/job-shape.ts";
import { specOfFile } from "./spec.ts";
import { treeOfJson } from "./text/json-text.ts";
import { Positions } from "./text/positions.ts";
import { locate, Refusal, type Tree, TreeBuilder, treeOfValue } from "./text/tree.ts";
import { treeOfYaml } from "./text/yaml-text.ts";

export interface ParsedJob {
  readonly spec: JobSpec;
  /** Worth telling, yet no reason to refuse. */
  readonly warnings: readonly Problem[];
  /** Adds line and column to problems that others found by path, such as a driver in its `config`. */
  locate(problems: readonly Problem[]): readonly Problem[];
}

export interface TextOptions {
  /** A name that ends in `.json` means JSON; all else is YAML. Not opened. */
  readonly file?: string | undefined;
  /** Overrules the name, as a media type does. */
  readonly format?: "yaml" | "json" | undefined;
}

/** Parses the text of a job file. Never throws; gives all problems of the file, in its order. */
export function parseJobFile(text: string, options: TextOptions = {}): Result<ParsedJob, readonly Problem[]> {
  const format = options.format ?? (options.file?.toLowerCase().endsWith(".json") === true ? "json" : "yaml");
  // A UTF-16 unit is at most 3 bytes of UTF-8, so most texts need no second look.
  if (text.length * 3 > TEXT_BYTES_MAX && Buffer.byteLength(text) > TEXT_BYTES_MAX) {
    const message = `the file is larger than ${TEXT_BYTES_MAX / 2 ** 20} MiB`;
    return err([{ path: "", message, hint: "put large data on the node and name its path" }]);
  }
  const positions = new Positions(text);
  return parseTree(positions, (builder) => {
    if (format === "json") return treeOfJson(text, builder, positions);
    const foreign = foreignText(text);
    if (foreign !== undefined) throw new Refusal(foreign.message, 0, [], foreign.hint);
    return treeOfYaml(text, builder, positions);
  });
}

/** The same for a value that is parsed already, such as the body of a request; problems have no line. */
export function parseJobValue(value: unknown): Result<ParsedJob, readonly Problem[]> {
  return parseTree(undefined, (builder) => treeOfValue(value, builder));
}

function parseTree(
  positions: Positions | undefined,
  build: (builder: TreeBuilder) => Tree | undefined,
): Result<ParsedJob, readonly Problem[]> {
  const problems = new Findings();
  const warnings = new Findings();
  const read = readTree(build, problems, warnings);
  if (read === undefined || problems.total > 0) return err(problems.problems(positions));
  return ok({
    spec: specOfFile(read.file),
    warnings: warnings.problems(positions),
    locate: (found) => found.map((problem) => withPlace(problem, read.tree, positions)),
  });
}

function readTree(
  build: (builder: TreeBuilder) => Tree | undefined,
  problems: Findings,
  warnings: Findings,
): { readonly file: JobFile; readonly tree: Tree } | undefined {
  try {
    const tree = build(new TreeBuilder(problems));
    if (tree === undefined) return undefined;
    const foreign = foreignTree(tree);
    if (foreign !== undefined) throw new Refusal(foreign.message, tree.offset, [], foreign.hint);
    const draft = readShape(jobShape, tree, jobShape, problems);
    if (draft === undefined) return undefined;
    checkRules(draft, new RuleContext(tree, problems, warnings));
    // Without a problem nothing was left out, so the draft is whole.
    return problems.total > 0 ? undefined : { file: draft as JobFile, tree };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    problems.add({
      path: error.path,
      offset: error.offset,
      message: error.message,
      hint: error.hint,
    });
    return undefined;
  }
}

function withPlace(problem: Problem, tree: Tree, positions: Positions | undefined): Problem {
  const path = parsePath(problem.path);
  if (path === undefined || positions === undefined || problem.line !== undefined) return problem;
  const { offset } = locate(tree, path);
  return offset === NOWHERE ? problem : { ...problem, ...positions.at(offset) };
}
