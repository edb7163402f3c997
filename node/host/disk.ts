/**
 * The Disk port over a directory of the machine. One process at a time works on it (the data directory's lock
 * sees to that). Folders get mode 0700, files 0600; symbolic links inside are refused, so nothing leads out
 * of the directory.
 *
 * Before the first use of a folder, what an earlier process left there is settled: its unfinished temporary
 * files are removed and the folder is synced, so that whatever is read from it now is still there after a
 * power cut.
 */
import { constants } from "node:fs";
import * as nodeFiles from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Disk, type DiskFile, diskPathNames, PeerError } from "../../federation/index.ts";
import { codeOf, diskError } from "./disk-error.ts";
import { openDiskFile } from "./disk-file.ts";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const TEMPORARY = /^\.[A-Za-z0-9_-][A-Za-z0-9._-]*\.tmp$/;
/** Windows has no such flag, and makes links only for administrators. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;
/** A virus scanner or an indexer that has the file open makes Windows refuse for a moment: 1 s in all. */
const RENAME_ATTEMPTS_MAX = 8;
const RENAME_DELAY_MS = 8;
const RENAME_RETRY_CODES = ["EPERM", "EACCES", "EBUSY"];
/** Names that Windows keeps for devices, with any extension. */
const DEVICE_NAME = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;

/** What of the machine a Disk uses; the tests have one that behaves as Windows does. */
export interface DiskSystem {
  readonly platform: NodeJS.Platform;
  readonly files: Pick<typeof nodeFiles, "lstat" | "mkdir" | "open" | "readdir" | "rename" | "rm" | "statfs">;
  delay(durationMs: number): Promise<unknown>;
}

const MACHINE: DiskSystem = { platform: process.platform, files: nodeFiles, delay };

/** A Disk of the files under `root`, an absolute path of a folder that exists. */
export function createDisk(root: string, system: DiskSystem = MACHINE): Disk {
  return new DirectoryDisk(root, system);
}

class DirectoryDisk implements Disk {
  readonly #root: string;
  readonly #system: DiskSystem;
  /** By folder, relative; "" is the root. */
  readonly #settled = new Map<string, Promise<void>>();
  /** The last writer of each path that is being written. */
  readonly #writing = new Map<string, Promise<void>>();

  constructor(root: string, system: DiskSystem) {
    this.#root = root;
    this.#system = system;
  }

  read(path: string): Promise<Uint8Array | undefined> {
    return this.#run(path, async (place) => {
      const handle = await this.#openThere(place.file, constants.O_RDONLY);
      if (handle === undefined) return undefined;
      try {
        const data = await handle.readFile();
        return new Uint8Array(data.buffer, data.byteOffset, data.length);
      } finally {
        await handle.close();
      }
    });
  }

  write(path: string, data: Uint8Array): Promise<void> {
    return this.#run(path, (place) =>
      this.#inTurn(path, async () => {
        const temporary = join(place.folder, `.${place.name}.tmp`);
        try {
          await this.#writeTemporary(path, temporary, data);
          await this.#rename(temporary, place.file);
        } catch (error) {
          await this.#system.files.rm(temporary, { force: true }).catch(() => undefined);
          throw error;
        }
        await this.#syncFolder(place.folder);
      }),
    );
  }

  list(path: string): Promise<readonly string[]> {
    return this.#run(path, async (place) => {
      if (!(await this.#settle(path))) return [];
      const names = await this.#system.files.readdir(place.file).catch((error: unknown) => {
        if (codeOf(error) === "ENOENT") return [];
        throw error;
      });
      return names.filter((name) => !name.startsWith(".")).sort();
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run(from, (source) =>
      this.#run(to, async (target) => {
        if (source.folder !== target.folder) throw new PeerError("bad_request", `${to} is in another folder`);
        await this.#inTurn(to, async () => {
          await this.#rename(source.file, target.file).catch((error: unknown) => {
            if (codeOf(error) !== "ENOENT") throw error;
            throw new PeerError("not_found", `${from} does not exist`);
          });
          await this.#syncFolder(target.folder);
        });
      }),
    );
  }

  remove(path: string): Promise<void> {
    return this.#run(path, (place) =>
      this.#inTurn(path, async () => {
        await this.#system.files.rm(place.file, { recursive: true, force: true, maxRetries: 3 });
        for (const folder of this.#settled.keys()) {
          if (folder === path || folder.startsWith(`${path}/`)) this.#settled.delete(folder);
        }
        await this.#syncFolder(place.folder).catch((error: unknown) => {
          if (codeOf(error) !== "ENOENT") throw error;
        });
      }),
    );
  }

  open(path: string): Promise<DiskFile> {
    return this.#run(path, async (place) => {
      const there = await this.#openThere(place.file, constants.O_RDWR);
      if (there !== undefined) return openDiskFile(path, there);
      const handle = await this.#create(path, place.file, constants.O_RDWR | constants.O_CREAT);
      try {
        await this.#syncFolder(place.folder);
      } catch (error) {
        await handle.close();
        throw error;
      }
      return openDiskFile(path, handle);
    });
  }

  async freeBytes(): Promise<number> {
    const facts = await this.#system.files.statfs(this.#root).catch((error: unknown) => {
      throw diskError(this.#root, error);
    });
    return facts.bavail * facts.bsize;
  }

  /** Checks the path, settles its folders, and gives errors their meaning. */
  async #run<Value>(
    path: string,
    operate: (place: {
      readonly folder: string;
      readonly name: string;
      readonly file: string;
    }) => Promise<Value>,
  ): Promise<Value> {
    const names = diskPathNames(path);
    if (this.#system.platform === "win32") checkWindowsNames(path, names);
    try {
      for (let depth = 0; depth < names.length; depth += 1) {
        if (!(await this.#settle(names.slice(0, depth).join("/")))) break;
      }
      const folder = join(this.#root, ...names.slice(0, -1));
      const name = names.at(-1) ?? "";
      return await operate({ folder, name, file: join(folder, name) });
    } catch (error) {
      throw diskError(path, error);
    }
  }

  /** False when there is no such folder. */
  async #settle(folder: string): Promise<boolean> {
    const earlier = this.#settled.get(folder);
    if (earlier !== undefined) {
      await earlier;
      return true;
    }
    const absolute = join(this.#root, folder);
    if (folder !== "") {
      const facts = await this.#system.files.lstat(absolute).catch((error: unknown) => {
        if (codeOf(error) === "ENOENT") return undefined;
        throw error;
      });
      if (facts === undefined) return false;
      if (facts.isSymbolicLink()) {
        throw new PeerError("forbidden", `${absolute} is a symbolic link`, {
          hint: "put a folder there; to keep the data elsewhere, move the whole data directory",
        });
      }
      if (!facts.isDirectory()) throw new PeerError("conflict", `${absolute} is a file, not a folder`);
    }
    const settling = this.#settled.get(folder) ?? this.#sweep(absolute);
    this.#settled.set(folder, settling);
    try {
      await settling;
    } catch (error) {
      this.#settled.delete(folder);
      throw error;
    }
    return true;
  }

  async #sweep(folder: string): Promise<void> {
    for (const name of await this.#system.files.readdir(folder)) {
      if (TEMPORARY.test(name)) await this.#system.files.rm(join(folder, name), { force: true });
    }
    await this.#syncFolder(folder);
  }

  async #writeTemporary(path: string, temporary: string, data: Uint8Array): Promise<void> {
    const handle = await this.#create(
      path,
      temporary,
      constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC,
    );
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Opens with O_CREAT; makes the folders of `path` first when they are missing. */
  async #create(path: string, file: string, flags: number): Promise<nodeFiles.FileHandle> {
    const { files } = this.#system;
    try {
      return await files.open(file, flags | NO_FOLLOW, FILE_MODE);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
    await this.#makeFolders(diskPathNames(path).slice(0, -1));
    return files.open(file, flags | NO_FOLLOW, FILE_MODE);
  }

  async #makeFolders(names: readonly string[]): Promise<void> {
    for (const depth of names.keys()) {
      const parent = join(this.#root, ...names.slice(0, depth));
      const folder = names.slice(0, depth + 1).join("/");
      try {
        await this.#system.files.mkdir(join(this.#root, folder), FOLDER_MODE);
        await this.#syncFolder(parent);
      } catch (error) {
        if (codeOf(error) !== "EEXIST") throw error;
      }
      // Before anyone writes a temporary file there: the sweep would take it for a leftover.
      await this.#settle(folder);
    }
  }

  /** A handle of a file that exists, else undefined. */
  async #openThere(file: string, flags: number): Promise<nodeFiles.FileHandle | undefined> {
    try {
      return await this.#system.files.open(file, flags | NO_FOLLOW);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return undefined;
      throw error;
    }
  }

  async #rename(from: string, to: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#system.files.rename(from, to);
      } catch (error) {
        const isPassing =
          this.#system.platform === "win32" && RENAME_RETRY_CODES.includes(codeOf(error) ?? "");
        if (!isPassing || attempt === RENAME_ATTEMPTS_MAX) throw error;
        await this.#system.delay(RENAME_DELAY_MS * 2 ** (attempt - 1));
      }
    }
  }

  /**
   * Makes a folder's entries durable. Windows can't open a folder for that; NTFS journals its own changes.
   */
  async #syncFolder(folder: string): Promise<void> {
    if (this.#system.platform === "win32") return;
    const handle = await this.#system.files.open(folder, constants.O_RDONLY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  /** Writers of one path go one after another: they share its temporary file. */
  async #inTurn(path: string, run: () => Promise<void>): Promise<void> {
    const turn = (this.#writing.get(path) ?? Promise.resolve()).catch(() => undefined).then(run);
    this.#writing.set(path, turn);
    try {
      await turn;
    } finally {
      if (this.#writing.get(path) === turn) this.#writing.delete(path);
    }
  }
}

function checkWindowsNames(path: string, names: readonly string[]): void {
  if (!names.some((name) => DEVICE_NAME.test(name) || name.endsWith("."))) return;
  throw new PeerError("bad_request", `Windows has no file called ${JSON.stringify(path)}`, {
    hint: "choose names that are no devices (con, aux, nul …) and do not end with a dot",
  });
}
