/** The rules of one register that can be read, written, and written if it holds what one thinks. */
import type { Model } from "./linearizability.ts";

export type RegisterInput =
  | { readonly kind: "read" }
  | { readonly kind: "write"; readonly value: string }
  | { readonly kind: "swap"; readonly from: string; readonly value: string };

/** `value`: what was read; `done`: whether a swap took place. */
export interface RegisterOutput {
  readonly value?: string;
  readonly done?: boolean;
}

/** What a register holds that nobody has written. */
export const UNWRITTEN = "";

export const REGISTER: Model<string, RegisterInput, RegisterOutput> = {
  initial: UNWRITTEN,
  step: (state, input, output) => {
    switch (input.kind) {
      case "read":
        return output === null || output.value === state ? state : undefined;
      case "write":
        return input.value;
      default: {
        const fits = state === input.from;
        if (output !== null && output.done !== fits) return undefined;
        return fits ? input.value : state;
      }
    }
  },
  keyOf: (state) => state,
};
