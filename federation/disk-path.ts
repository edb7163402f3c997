/**
 * Paths as the Disk port takes them. Every Disk checks them here, so no name from a wire leaves the data
 * directory.
 */
import { PeerError } from "./errors.ts";

const NAME_LENGTH_MAX = 200;
const DEPTH_MAX = 16;
/**
 * No separator, no space, nothing that any shell or file system reads in its own way; never `.`, `..` or
 * hidden.
 */
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** The names in a relative, `/`-separated path. Throws PeerError `bad_request` on anything but safe names. */
export function diskPathNames(path: string): readonly string[] {
  const names = path.split("/");
  const unsafe = names.find((name) => name.length > NAME_LENGTH_MAX || !NAME.test(name));
  if (unsafe !== undefined || names.length > DEPTH_MAX) {
    const message = `${JSON.stringify(path)} is not a path in the data directory`;
    throw new PeerError("bad_request", message, {
      hint: "use names of letters, digits and -_. that do not begin with a dot, joined with /",
    });
  }
  return names;
}
