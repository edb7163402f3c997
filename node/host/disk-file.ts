/** One open file of the Disk port over a file handle. */
import type { FileHandle } from "node:fs/promises";
import { type DiskFile, invariant } from "../../federation/index.ts";
import { diskError } from "./disk-error.ts";

/** Node can't call fallocate: space is reserved by writing zeros, once, in blocks of this size. */
const ZEROS = new Uint8Array(1024 * 1024);

type Handle = Pick<FileHandle, "close" | "datasync" | "read" | "stat" | "sync" | "truncate" | "write">;

/** `path` is for messages alone. */
export function openDiskFile(path: string, handle: Handle): DiskFile {
  const run = async <Value>(operate: () => Promise<Value>): Promise<Value> => {
    try {
      return await operate();
    } catch (error) {
      throw diskError(path, error);
    }
  };
  return {
    size: () => run(async () => (await handle.stat()).size),
    readAt: (offset, length) => run(() => readAll(handle, offset, length)),
    writeAt: (offset, data) => run(() => writeAll(handle, offset, data)),
    resize: (size) => run(() => resize(handle, size)),
    // macOS has no fdatasync worth the name; there libuv asks for F_FULLFSYNC.
    sync: () => run(() => handle.datasync()),
    close: () => run(() => handle.close()),
  };
}

async function readAll(handle: Handle, offset: number, length: number): Promise<Uint8Array> {
  const data = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(data, done, length - done, offset + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return data.subarray(0, done);
}

async function writeAll(handle: Handle, offset: number, data: Uint8Array): Promise<void> {
  let done = 0;
  while (done < data.length) {
    const { bytesWritten } = await handle.write(data, done, data.length - done, offset + done);
    invariant(bytesWritten > 0, "a write to a file writes something or fails");
    done += bytesWritten;
  }
}

/** Grows or shrinks; a file that could not be grown whole has its old size again. */
async function resize(handle: Handle, size: number): Promise<void> {
  const before = (await handle.stat()).size;
  if (size <= before) {
    await handle.truncate(size);
  } else {
    try {
      for (let at = before; at < size; at += ZEROS.length) {
        await writeAll(handle, at, ZEROS.subarray(0, Math.min(ZEROS.length, size - at)));
      }
    } catch (error) {
      await handle.truncate(before);
      throw error;
    }
  }
  await handle.sync();
}
