/** The other peers of one that is alone in its mesh: none. */
import type { Links } from "../../federation/index.ts";
import type { Keepers } from "../parts.ts";

export const noLinks: Links = {
  peers: () => [],
  send: () => false,
  watch: () => () => undefined,
};

export const noKeepers: Keepers = {
  answers: (node) => Promise.reject(new Error(`no way is known to the keeper of ${node}`)),
};
