/**
 * Commands as bytes: the payload of log entries. Canonical JSON with a format version. Both ways are strict:
 * what can't be read back is never proposed, since an entry that all replicas hold and none can apply stops
 * the region.
 */
import { canonicalBytes } from "../canonical.ts";
import { PeerError, type Problem } from "../errors.ts";
import type { Command } from "./command.ts";
import { checkCommandForm, isCommandKind } from "./form/command-form.ts";
import { parseJson } from "./form/json.ts";

export const COMMAND_FORMAT_VERSION = 1;
/**
 * Of one encoded command. A plan of 5,000 placements and stops has about 2 MiB, a job version at most 1 MiB.
 */
export const COMMAND_BYTES_MAX = 4 * 1024 * 1024;

/**
 * The bytes of a command, the same on every machine.
 *
 * Throws PeerError: `bad_request` where it is not a command, with the place; `too_large` over
 * `COMMAND_BYTES_MAX`.
 */
export function encodeCommand(command: Command): Uint8Array {
  const found = checkCommandForm(command, "");
  if (found !== undefined) throw malformed("bad_request", found);
  const bytes = canonicalBytes({ v: COMMAND_FORMAT_VERSION, command });
  if (bytes.length > COMMAND_BYTES_MAX) throw tooLarge(bytes.length);
  return bytes;
}

/**
 * The command of an entry. Never returns anything but a whole command.
 *
 * Throws PeerError: `damaged` where the bytes are no command of any release; `not_supported` where a newer
 * release may have written them; `too_large` over `COMMAND_BYTES_MAX`.
 */
export function decodeCommand(bytes: Uint8Array): Command {
  if (bytes.length > COMMAND_BYTES_MAX) throw tooLarge(bytes.length);
  const envelope = parseJson(bytes);
  const version = field(envelope, "v");
  if (Number.isSafeInteger(version) && version !== COMMAND_FORMAT_VERSION) {
    throw unsupported(`command format version ${version}`);
  }
  const command = field(envelope, "command");
  if (version === undefined || command === undefined || Object.keys(Object(envelope)).length !== 2) {
    throw malformed("damaged", { path: "", message: "must be an object of v and command" });
  }
  const kind = field(command, "kind");
  if (typeof kind === "string" && !isCommandKind(kind))
    throw unsupported(`command kind ${kind.slice(0, 64)}`);
  const found = checkCommandForm(command, "");
  if (found !== undefined) throw malformed("damaged", found);
  return command as Command;
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return Reflect.get(value, name);
}

function malformed(code: "bad_request" | "damaged", problem: Problem): PeerError {
  const place = problem.path === "" ? "" : `${problem.path} `;
  return new PeerError(code, `not a ledger command: ${place}${problem.message}`, { details: [problem] });
}

function unsupported(what: string): PeerError {
  return new PeerError("not_supported", `${what} is not known to this release of peer`, {
    hint: "a newer release wrote it: upgrade this peer",
  });
}

function tooLarge(length: number): PeerError {
  return new PeerError("too_large", `a ledger command of ${length} bytes is over ${COMMAND_BYTES_MAX}`, {
    hint: "split it",
  });
}
