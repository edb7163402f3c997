/** Server-sent events (WHATWG HTML, section 9.2): bytes in, events out, whatever way the bytes are cut. */
import { CommandError } from "../command.ts";

export interface ServerEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** An event holds one row of the API; more than this is no event. */
const EVENT_CHARACTERS_MAX = 8 * 1024 * 1024;

export class EventParser {
  #decoder = new TextDecoder();
  /** Of a line that has not ended. */
  #rest = "";
  #event = "";
  #data: string[] = [];
  #characters = 0;
  /** Of the event that is coming. */
  #id = "";
  #lastId = "";

  /** What to resume from: the id of the last whole event, or of a heartbeat; empty before there is one. */
  get lastId(): string {
    return this.#lastId;
  }

  /** The connection broke: what had come of an event is void. */
  reset(): void {
    this.#decoder = new TextDecoder();
    this.#rest = "";
    this.#id = this.#lastId;
    this.#discard();
  }

  push(bytes: Uint8Array): readonly ServerEvent[] {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    // A final CR may be half of a CRLF: it waits for what follows.
    const held = text.endsWith("\r") ? text.length - 1 : text.length;
    const lines = text.slice(0, held).split(/\r\n|\r|\n/);
    this.#rest = (lines.pop() ?? "") + text.slice(held);
    if (this.#rest.length + this.#characters > EVENT_CHARACTERS_MAX) {
      throw new CommandError("the peer sent an endless event", { code: "bad_answer" });
    }
    return lines.flatMap((line) => this.#line(line) ?? []);
  }

  #line(line: string): ServerEvent | undefined {
    if (line === "") return this.#dispatch();
    const [, name = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    this.#characters += line.length;
    if (name === "event") this.#event = value;
    if (name === "data") this.#data.push(value);
    if (name === "id" && !value.includes("\0")) this.#id = value;
    return undefined;
  }

  #dispatch(): ServerEvent | undefined {
    this.#lastId = this.#id;
    const data = this.#data.join("\n");
    const event = { id: this.#lastId, event: this.#event === "" ? "message" : this.#event, data };
    const isEvent = this.#data.length > 0;
    this.#discard();
    return isEvent ? event : undefined;
  }

  #discard(): void {
    this.#event = "";
    this.#data = [];
    this.#characters = 0;
  }
}
