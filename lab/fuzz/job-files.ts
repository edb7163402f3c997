/** Damaged job files in numbers: each gets an answer, soon, and leaves the world as it was. */
import { canonicalText, checkSpecForm, type Random, seededRandom } from "../../federation/index.ts";
import { formatJobFile, type ParsedJob, parseJobFile, parseJobValue } from "../../node/index.ts";
import { type Damage, damageValue, type Edit, editText, JUNK, KEYS, SNIPPETS } from "./mutation.ts";

const PROBLEMS_MAX = 50;
const MESSAGE_LENGTH_MAX = 400;
const DAMAGES_MAX = 3;
const EDITS_MAX = 6;
const REMOVED_MAX = 40;
const REPORT_EVERY = 50_000;
/** How much of a bad input is told. */
const EXCERPT_LENGTH_MAX = 500;

/** Signs of YAML and nothing of a job: what the reader of the text must bear by itself. */
const SIGNS = "a: [b]\n- {c: d}\n? e\n: |\n  f\n";

export interface FuzzOptions {
  readonly seed: number;
  readonly inputs: number;
  /** Whole job files in YAML, which are then damaged. */
  readonly examples: readonly string[];
  /** Longest that one input may take. */
  readonly slowMs: number;
  /** Time used so far; only differences count. */
  readonly usedMs: () => number;
  readonly log: (line: string) => void;
}

export interface FuzzReport {
  readonly inputs: number;
  /** Still right after the damage. */
  readonly accepted: number;
  readonly slowestMs: number;
}

/** Which input broke which rule; seed and number make it again. */
export class FuzzFailure extends Error {
  override readonly name = "FuzzFailure";

  constructor(seed: number, index: number, input: unknown, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const text = typeof input === "string" ? input : JSON.stringify(input);
    super(`input ${index} of seed ${seed}: ${reason}\n${text.slice(0, EXCERPT_LENGTH_MAX)}`, { cause });
  }
}

/** Throws FuzzFailure at the first input that is not borne well. Input n depends on the seed and n alone. */
export function fuzzJobFiles(options: FuzzOptions): FuzzReport {
  const { seed, inputs, slowMs, usedMs, log } = options;
  const random = seededRandom(seed);
  const sources = options.examples.map(sourceOf);
  const prototype = prototypeKeys();
  let accepted = 0;
  let slowestMs = 0;
  for (let index = 0; index < inputs; index += 1) {
    const input = makeInput(random.fork(String(index)), sources);
    const startMs = usedMs();
    try {
      if (checkAnswer(parse(input), input)) accepted += 1;
      if (prototypeKeys() !== prototype) throw new Error("it changed Object.prototype");
      const tookMs = usedMs() - startMs;
      slowestMs = Math.max(slowestMs, tookMs);
      if (tookMs > slowMs) throw new Error(`it took ${Math.round(tookMs)} ms`);
    } catch (cause) {
      throw new FuzzFailure(seed, index, input.content, cause);
    }
    if ((index + 1) % REPORT_EVERY === 0)
      log(`${index + 1} inputs, ${accepted} right, slowest ${Math.round(slowestMs)} ms`);
  }
  return { inputs, accepted, slowestMs };
}

interface Source {
  readonly yaml: string;
  readonly json: string;
  readonly value: unknown;
}

type Input =
  | { readonly kind: "yaml" | "json"; readonly content: string }
  | { readonly kind: "value"; readonly content: unknown };

function sourceOf(yaml: string): Source {
  const parsed = parseJobFile(yaml);
  if (!parsed.ok) throw new Error(`an example is no job: ${JSON.stringify(parsed.error)}`);
  const value = formatJobFile(parsed.value.spec);
  return { yaml, json: JSON.stringify(value, null, 1), value };
}

function makeInput(random: Random, sources: readonly Source[]): Input {
  const source = pick(random, sources);
  const draw = random.next();
  if (draw < 0.15) return { kind: "yaml", content: editText(SIGNS, edits(random)) };
  if (draw < 0.45) return { kind: "yaml", content: editText(source.yaml, edits(random)) };
  if (draw < 0.65) return { kind: "json", content: editText(source.json, edits(random)) };
  const value = damageValue(source.value, damages(random));
  return draw < 0.75 ? { kind: "json", content: JSON.stringify(value) } : { kind: "value", content: value };
}

function edits(random: Random): readonly Edit[] {
  return Array.from({ length: 1 + below(random, EDITS_MAX) }, () => ({
    at: below(random, 2 ** 31),
    remove: random.next() < 0.75 ? 0 : below(random, REMOVED_MAX),
    insert: pick(random, SNIPPETS),
  }));
}

const DAMAGE_KINDS = ["replace", "remove", "rename", "add"] as const;

function damages(random: Random): readonly Damage[] {
  return Array.from({ length: 1 + below(random, DAMAGES_MAX) }, () => ({
    kind: pick(random, DAMAGE_KINDS),
    at: below(random, 2 ** 31),
    key: pick(random, KEYS),
    junk: pick(random, JUNK),
  }));
}

function below(random: Random, limit: number): number {
  return Math.floor(random.next() * limit);
}

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[below(random, items.length)];
  if (item === undefined && items.length === 0) throw new Error("nothing to choose from");
  return item as Item;
}

type Parsed = ReturnType<typeof parseJobFile>;

function parse(input: Input): Parsed {
  if (input.kind === "value") return parseJobValue(input.content);
  return parseJobFile(input.content, { format: input.kind });
}

/** Whether it was accepted. Throws where the answer is not one that a caller can use. */
function checkAnswer(parsed: Parsed, input: Input): boolean {
  if (parsed.ok) {
    checkJob(parsed.value);
    return true;
  }
  const { error } = parsed;
  if (error.length === 0 || error.length > PROBLEMS_MAX) throw new Error(`${error.length} problems`);
  const lines = typeof input.content === "string" ? input.content.split("\n").length : 0;
  for (const { path, message, line, column } of error) {
    const isReadable =
      message !== "" && message.length < MESSAGE_LENGTH_MAX && !`${path}${message}`.includes("\n");
    if (!isReadable) throw new Error(`a problem nobody can read: ${JSON.stringify({ path, message })}`);
    const isPlace = line === undefined || (line >= 1 && line <= lines && (column ?? 1) >= 1);
    if (!isPlace) throw new Error(`a place that is not there: ${line}:${column}`);
  }
  return false;
}

function checkJob({ spec }: ParsedJob): void {
  const problem = checkSpecForm(spec);
  if (problem !== undefined) throw new Error(`entries refuse it: ${problem.path}: ${problem.message}`);
  const again = parseJobValue(formatJobFile(spec));
  if (!again.ok) throw new Error(`written again it is refused: ${JSON.stringify(again.error)}`);
  if (canonicalText(again.value.spec) !== canonicalText(spec))
    throw new Error("written again it is another job");
}

function prototypeKeys(): string {
  return [Object.prototype, Array.prototype, Function.prototype]
    .map((prototype) => Object.getOwnPropertyNames(prototype).join())
    .join(";");
}
