/** Who may open a directory on Windows, where modes mean nothing. */
import { PeerError } from "../../federation/index.ts";
import { type MachineAccess, windowsTool } from "../host/machine.ts";

/** Well-known security identifiers: the same in every language of Windows. */
const LOCAL_SYSTEM = "*S-1-5-18";
const ADMINISTRATORS = "*S-1-5-32-544";
/** Full access, for files and folders made in it as well. */
const FULL = "(OI)(CI)F";

/**
 * Leaves a new directory to its user, the system and the administrators: what it inherits from C:\ProgramData
 * or from a drive's root lets every user read. Does nothing elsewhere. Throws PeerError `forbidden` when that
 * can't be set.
 */
export function restrictToUser(directory: string, machine: MachineAccess): void {
  if (machine.platform !== "win32") return;
  const identity = machine.run(windowsTool("whoami.exe"), ["/user", "/fo", "csv", "/nh"]) ?? "";
  const user = /"(S-1-[0-9-]+)"\s*$/.exec(identity)?.[1];
  const grants = [LOCAL_SYSTEM, ADMINISTRATORS, ...(user === undefined ? [] : [`*${user}`])];
  const answer =
    user === undefined
      ? undefined
      : machine.run(windowsTool("icacls.exe"), [
          directory,
          "/inheritance:r",
          ...grants.flatMap((grant) => ["/grant:r", `${grant}:${FULL}`]),
        ]);
  if (answer !== undefined) return;
  throw new PeerError("forbidden", `other users can't be kept out of ${directory}`, {
    hint: "choose a directory on an NTFS drive with --data",
  });
}
