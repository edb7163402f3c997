/** Gives the operating system's file errors their meaning for a peer. */
import { type ErrorCode, PeerError } from "../../federation/index.ts";

const MEANINGS: Readonly<Record<string, { readonly code: ErrorCode; readonly hint: string }>> = {
  ENOSPC: { code: "disk_full", hint: "free some space on the disk that holds the data directory" },
  EDQUOT: { code: "disk_full", hint: "this user's disk quota is used up: free some space or raise it" },
  EROFS: { code: "unavailable", hint: "the file system is read-only: see the system's log for disk errors" },
  EACCES: { code: "forbidden", hint: "the data directory must belong to the user that runs the peer" },
  EPERM: { code: "forbidden", hint: "the data directory must belong to the user that runs the peer" },
  EMFILE: { code: "unavailable", hint: "raise the limit of open files of this process" },
  ENFILE: { code: "unavailable", hint: "the machine has no open files left" },
  EIO: { code: "damaged", hint: "the disk reports errors: check it, and replace it if need be" },
  EISDIR: { code: "conflict", hint: "a folder is where a file should be: move it away" },
  ENOTDIR: { code: "conflict", hint: "a file is where a folder should be: move it away" },
  ELOOP: { code: "forbidden", hint: "a symbolic link is where a file should be: put the file itself there" },
};

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

/** A PeerError that names the file; PeerErrors pass unchanged. */
export function diskError(path: string, error: unknown): PeerError {
  if (error instanceof PeerError) return error;
  const meaning = MEANINGS[codeOf(error) ?? ""];
  const reason = error instanceof Error ? error.message : String(error);
  const options = meaning === undefined ? { cause: error } : { hint: meaning.hint, cause: error };
  return new PeerError(meaning?.code ?? "internal", `${path}: ${reason}`, options);
}
