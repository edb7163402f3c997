/**
 * What goes on for long outlives a restart of the peer: it asks again until there is an answer, for a while.
 */

import type { CommandContext } from "../command.ts";
import { ApiError, ConnectionError, InterruptedError } from "./api-error.ts";

const PAUSE_FIRST_MS = 250;
const PAUSE_MAX_MS = 2_000;
/** A peer that is not back by then needs somebody to look after it. */
export const PATIENCE_MS = 60_000;

export class Patience {
  readonly #context: Pick<CommandContext, "clock" | "signal" | "out">;
  #wasThere: boolean;
  #lostAtMs: number | undefined;
  #pauseMs = PAUSE_FIRST_MS;

  /** `wasThere`: the peer has answered already. Who mistyped an address shall not wait a minute. */
  constructor(
    context: Pick<CommandContext, "clock" | "signal" | "out">,
    options: { readonly wasThere: boolean },
  ) {
    this.#context = context;
    this.#wasThere = options.wasThere;
  }

  /** The peer is there. For streams, which break after they have begun. */
  answered(): void {
    this.#wasThere = true;
    this.#lostAtMs = undefined;
    this.#pauseMs = PAUSE_FIRST_MS;
  }

  /** Asks until there is an answer. Throws what can't pass by itself at once, the rest after a minute. */
  async until<Value>(ask: () => Promise<Value>): Promise<Value> {
    for (;;) {
      try {
        const value = await ask();
        this.answered();
        return value;
      } catch (cause) {
        if (!this.#wasThere || !mayPass(cause)) throw cause;
        await this.#pause(cause);
      }
    }
  }

  async #pause(cause: Error): Promise<void> {
    const { clock, out, signal } = this.#context;
    const nowMs = clock.nowMs();
    if (this.#lostAtMs === undefined) {
      this.#lostAtMs = nowMs;
      if (!out.json) out.note(`${cause.message}; trying again`);
    }
    if (nowMs - this.#lostAtMs >= PATIENCE_MS) throw cause;
    await clock.sleep(this.#pauseMs, signal);
    if (signal.aborted) throw new InterruptedError();
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MAX_MS);
  }
}

/** A peer that restarts refuses connections, breaks them off, or says that it is stopping. */
function mayPass(cause: unknown): cause is Error {
  if (cause instanceof ApiError) return cause.status === 503 || cause.status === 429;
  return cause instanceof ConnectionError;
}
