import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PeerError } from "../../federation/index.ts";
import { filesOf } from "./checkout.mjs";
import { isLocked } from "./install-lock.mjs";
import { identityOf } from "./process-identity.mjs";

/** This file lies in node/launcher/, the bundle in dist/. */
const ownRoot = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "../.." : "..", import.meta.url));

/**
 * Tells the launcher that this process uses the checkout's packages, so that it does not replace them.
 * Does nothing outside a checkout (an installed package has no launcher), and where this user may not write.
 *
 * @param pid the process that uses them: on Windows a keeper's too, whose program file is one of them
 * @returns takes the mark away; safe to repeat. A killed process needs none: its mark no longer counts.
 * @throws PeerError `unavailable` while the packages are being replaced
 */
export function markRunning(pid: number = process.pid, checkout: string = ownRoot): () => void {
  if (!existsSync(join(checkout, "node", "launcher", "install.mjs"))) return () => {};
  const { lock, runningMarks } = filesOf(checkout);
  const mark = join(runningMarks, String(pid));
  try {
    mkdirSync(runningMarks, { recursive: true });
    writeFileSync(mark, JSON.stringify(identityOf(pid)));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM" || code === "EROFS") return () => {};
    throw error;
  }
  const release = () => rmSync(mark, { force: true });
  // The installer locks and then looks for marks; marking and then looking for the lock, one of both yields.
  if (isLocked(lock)) {
    release();
    throw new PeerError("unavailable", "the packages of this checkout are being installed", {
      hint: "Run the same command again once that is done.",
      retryable: true,
    });
  }
  return release;
}
