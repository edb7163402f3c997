/**
 * What clients asked and were answered, in a form that a judge from outside can read, too: JSON as described
 * in docs/simulation.md, one total order of all beginnings and ends.
 */

export const HISTORY_FORM = "peer-history/1";

export interface Operation<Input = unknown, Output = unknown> {
  readonly client: number;
  /** Operations of different keys do not touch each other. */
  readonly key: string;
  readonly input: Input;
  /** Position in the order of all beginnings and ends. */
  readonly begin: number;
  /** Null: never answered; it may take effect at any time after its beginning, or not at all. */
  end: number | null;
  /** Null while there is no answer. */
  output: Output | null;
}

export class History<Input, Output> {
  readonly operations: Operation<Input, Output>[] = [];
  readonly #model: string;
  #position = 0;

  /** `model`: which rules the answers obey, for the reader. */
  constructor(model: string) {
    this.#model = model;
  }

  begin(client: number, key: string, input: Input): Operation<Input, Output> {
    this.#position += 1;
    const operation = { client, key, input, begin: this.#position, end: null, output: null };
    this.operations.push(operation);
    return operation;
  }

  end(operation: Operation<Input, Output>, output: Output): void {
    this.#position += 1;
    operation.end = this.#position;
    operation.output = output;
  }

  /** It certainly did not happen, and is not part of the history. */
  drop(operation: Operation<Input, Output>): void {
    const at = this.operations.lastIndexOf(operation);
    if (at !== -1) this.operations.splice(at, 1);
  }

  toJSON(): object {
    return { form: HISTORY_FORM, model: this.#model, operations: this.operations };
  }
}
