/**
 * Whether the answers that clients got could have come from one machine that does one thing at a time, each
 * between its beginning and its end.
 *
 * Wing and Gong, "Testing and Verifying Concurrent Objects" (1993), with the memory of visited states of
 * Lowe, "Testing for linearizability" (2017), and a search for each key by itself (Horn and Kroening,
 * "Faster linearizability checking via P-compositionality", 2015), as in the checker porcupine.
 */
import type { Operation } from "./history.ts";

/** One key's rules. States are compared by `keyOf`. */
export interface Model<State, Input, Output> {
  readonly initial: State;
  /** The state after it, or undefined when this answer is impossible. No output: nobody was answered. */
  step(state: State, input: Input, output: Output | null): State | undefined;
  keyOf(state: State): string;
}

export type Verdict =
  | { readonly result: "linearizable" }
  /** Too many states for the limit; says nothing either way. */
  | { readonly result: "undecided"; readonly key: string }
  /** `stuck`: operations of which none could be next in the longest order that was found. */
  | { readonly result: "violated"; readonly key: string; readonly stuck: readonly Operation[] };

const STEPS_MAX = 5_000_000;

export function checkLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  stepsMax = STEPS_MAX,
): Verdict {
  const byKey = Map.groupBy(operations, ({ key }) => key);
  let undecided: Verdict | undefined;
  for (const [key, each] of [...byKey].sort(([left], [right]) => (left < right ? -1 : 1))) {
    const search = new Search(model, each, stepsMax);
    const found = search.run();
    if (found === false) return { result: "violated", key, stuck: search.stuck() };
    if (found === undefined) undecided ??= { result: "undecided", key };
  }
  return undecided ?? { result: "linearizable" };
}

/** A beginning or an end in the list of those that are not in the order yet. */
interface Event<Input, Output> {
  readonly at: number;
  readonly id: number;
  readonly operation: Operation<Input, Output>;
  /** Of a beginning: its end. */
  readonly match: Event<Input, Output> | undefined;
  previous: Event<Input, Output> | undefined;
  next: Event<Input, Output> | undefined;
}

class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #stepsMax: number;
  #first: Event<Input, Output> | undefined;
  /** Which operations are in the order, one bit each. */
  readonly #taken: Uint32Array;
  readonly #visited = new Set<string>();
  readonly #calls: { readonly event: Event<Input, Output>; readonly before: State }[] = [];
  #longest = -1;
  #stuck: readonly Operation[] = [];

  constructor(
    model: Model<State, Input, Output>,
    operations: readonly Operation<Input, Output>[],
    stepsMax: number,
  ) {
    this.#model = model;
    this.#stepsMax = stepsMax;
    this.#taken = new Uint32Array(Math.ceil(operations.length / 32));
    this.#first = link(operations);
  }

  /** Undefined: not decided within the limit. */
  run(): boolean | undefined {
    let state = this.#model.initial;
    let event = this.#first;
    for (let steps = 0; event !== undefined; steps += 1) {
      if (steps > this.#stepsMax) return undefined;
      if (event.match !== undefined) {
        const after = this.#model.step(state, event.operation.input, event.operation.output);
        if (after !== undefined && this.#isNew(event.id, after)) {
          this.#calls.push({ event, before: state });
          state = after;
          this.#take(event);
          event = this.#first;
        } else {
          event = event.next;
        }
        continue;
      }
      // Only those are left that nobody was answered: they need not have happened.
      if (event.operation.end === null) return true;
      this.#remember();
      const last = this.#calls.pop();
      if (last === undefined) return false;
      state = last.before;
      this.#putBack(last.event);
      event = last.event.next;
    }
    return true;
  }

  stuck(): readonly Operation[] {
    return this.#stuck;
  }

  #isNew(id: number, state: State): boolean {
    this.#flip(id);
    const key = `${this.#taken.join(",")} ${this.#model.keyOf(state)}`;
    const isNew = !this.#visited.has(key);
    if (isNew) this.#visited.add(key);
    else this.#flip(id);
    return isNew;
  }

  #flip(id: number): void {
    const word = id >>> 5;
    this.#taken[word] = (this.#taken[word] ?? 0) ^ (1 << (id & 31));
  }

  /** Takes both events of an operation out of the list. */
  #take(event: Event<Input, Output>): void {
    this.#unlink(event);
    if (event.match !== undefined) this.#unlink(event.match);
  }

  #putBack(event: Event<Input, Output>): void {
    this.#flip(event.id);
    if (event.match !== undefined) this.#relink(event.match);
    this.#relink(event);
  }

  #unlink(event: Event<Input, Output>): void {
    if (event.previous === undefined) this.#first = event.next;
    else event.previous.next = event.next;
    if (event.next !== undefined) event.next.previous = event.previous;
  }

  #relink(event: Event<Input, Output>): void {
    if (event.previous === undefined) this.#first = event;
    else event.previous.next = event;
    if (event.next !== undefined) event.next.previous = event;
  }

  #remember(): void {
    if (this.#calls.length <= this.#longest) return;
    this.#longest = this.#calls.length;
    const open: Operation[] = [];
    for (let event = this.#first; event?.match !== undefined; event = event.next) open.push(event.operation);
    this.#stuck = open;
  }
}

/** The list of all beginnings and ends in their order; the first one. */
function link<Input, Output>(
  operations: readonly Operation<Input, Output>[],
): Event<Input, Output> | undefined {
  const events: Event<Input, Output>[] = [];
  for (const [id, operation] of operations.entries()) {
    const at = operation.end ?? Number.POSITIVE_INFINITY;
    const end: Event<Input, Output> = {
      ...{ at, id, operation, match: undefined },
      ...{ previous: undefined, next: undefined },
    };
    events.push({ ...end, at: operation.begin, match: end }, end);
  }
  // Of two at one moment the beginning comes first: then they overlap.
  events.sort((left, right) =>
    left.at === right.at
      ? Number(left.match === undefined) - Number(right.match === undefined)
      : left.at - right.at,
  );
  for (const [place, event] of events.entries()) {
    event.previous = events[place - 1];
    event.next = events[place + 1];
  }
  return events[0];
}
