/**
 * Whether the logs of a data directory are still there. A peer that once had them must not begin empty ones
 * in their place: what was answered would be gone without a word, and its vote in old terms with it (S1,
 * S16).
 */
import { type Disk, PeerError } from "../../federation/index.ts";

/** Written once both logs are there. */
const MARK_FILE = "founded.json";
const FORMAT_VERSION = 1;
const LOG_FOLDERS = ["intent", "raft/log"] as const;

/** Before the logs are opened, which makes them. PeerError `damaged` names the one that is missing. */
export async function checkFounded(disk: Disk, directory: string): Promise<void> {
  if ((await disk.read(MARK_FILE)) === undefined) return;
  for (const folder of LOG_FOLDERS) {
    if ((await disk.list(folder)).length > 0) continue;
    throw new PeerError("damaged", `${directory}/${folder} is missing or empty, and was there before`, {
      hint:
        "nothing was changed; put the folder back or restore the data directory from a backup; " +
        `to begin anew, move ${directory} away`,
    });
  }
}

/** Once the logs are open: from now on they must be there. */
export async function markFounded(disk: Disk): Promise<void> {
  if ((await disk.read(MARK_FILE)) !== undefined) return;
  const text = JSON.stringify({ v: FORMAT_VERSION, logs: LOG_FOLDERS });
  await disk.write(MARK_FILE, new TextEncoder().encode(`${text}\n`));
}
