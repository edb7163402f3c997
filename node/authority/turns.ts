/** One change of a document at a time, so that two in flight follow each other instead of conflicting. */
export class Turns {
  readonly #turns = new Map<string, Promise<unknown>>();

  /** Whatever became of those before it. */
  take<Value>(document: string, work: () => Promise<Value>): Promise<Value> {
    const before = this.#turns.get(document) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(work);
    this.#turns.set(document, turn);
    void turn
      .catch(() => undefined)
      .then(() => {
        if (this.#turns.get(document) === turn) this.#turns.delete(document);
      });
    return turn;
  }
}
