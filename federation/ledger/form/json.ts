import { PeerError } from "../../errors.ts";
import { canonicalProblem } from "./values.ts";

/** An escaped surrogate; it may be one of a pair, or not be an escape at all. */
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The value of strict UTF-8 and JSON whose texts are all well-formed. Throws PeerError `damaged` otherwise.
 */
export function parseJson(bytes: Uint8Array): unknown {
  let value: unknown;
  let text: string;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw new PeerError("damaged", "ledger data is not JSON", { cause });
  }
  // Well-formed UTF-8 holds no surrogates, so only an escape can bring in a lone one.
  const found = SURROGATE_ESCAPE.test(text) ? canonicalProblem(value) : undefined;
  if (found === undefined) return value;
  const place = found.path === "" ? "" : `${found.path} `;
  throw new PeerError("damaged", `ledger data has no canonical form: ${place}${found.message}`, {
    details: [found],
  });
}
