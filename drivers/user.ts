/** Whom a task runs as. */
import { PeerError } from "../federation/index.ts";
import type { RunProgram } from "./keeper/system/program.ts";

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

const NUMBERS = /^(\d+)(?::(\d+))?$/;

/** By id(1), which asks whatever directory of users the machine has. Throws PeerError `invalid_job`. */
export async function findUser(user: string, run: RunProgram): Promise<UserIds> {
  if (process.platform === "win32") throw refuse("can't be chosen on Windows", "remove it");
  if (process.geteuid?.() !== 0) {
    throw refuse("can be chosen only where the peer runs as root", "remove it, or start the peer as root");
  }
  const numbers = NUMBERS.exec(user);
  if (numbers?.[1] !== undefined && numbers[2] !== undefined) {
    return { uid: Number(numbers[1]), gid: Number(numbers[2]) };
  }
  try {
    const [uid, gid] = await Promise.all([run("id", ["-u", user]), run("id", ["-g", user])]);
    return { uid: Number(uid), gid: Number(gid) };
  } catch {
    // A number need not be in any directory.
    if (numbers?.[1] !== undefined) return { uid: Number(numbers[1]), gid: Number(numbers[1]) };
    throw refuse(`"${user}" does not exist on this machine`, "create it, or name another");
  }
}

function refuse(message: string, hint: string): PeerError {
  const details = [{ path: "config.user", message, hint }];
  return new PeerError("invalid_job", `config.user ${message}`, { hint, details });
}
