/**
 * A job file from disk or standard input, as the text to send; the peer parses it, so that all clients agree.
 */
import { createReadStream } from "node:fs";
import { extname } from "node:path";
import { addAbortSignal, type Readable } from "node:stream";
import { type CommandContext, CommandError } from "../command.ts";
import { InterruptedError } from "../connection/api-error.ts";

export const FILE_BYTES_MAX = 1024 * 1024;

export interface JobFile {
  /** As messages call it. */
  readonly name: string;
  readonly format: "yaml" | "json";
  readonly text: string;
}

/** `-` is standard input. Throws CommandError when there is no text to be had. */
export async function readJobFile(
  context: Pick<CommandContext, "stdin" | "signal" | "out">,
  path: string,
): Promise<JobFile> {
  if (path !== "-") {
    const format = extname(path).toLowerCase() === ".json" ? "json" : "yaml";
    const bytes = await readAll(createReadStream(path), path, context.signal);
    return { name: path, format, text: decode(bytes, path) };
  }
  const name = "standard input";
  const stdin = context.stdin();
  if (stdin.isTTY === true) context.out.note("reading the job file from the terminal; Ctrl-D ends it");
  const bytes = await readAll(stdin, name, context.signal);
  if (bytes.length === 0) {
    throw new CommandError("standard input is empty", { hint: "pipe a job file in, or give its path" });
  }
  return { name, format: "yaml", text: decode(bytes, name) };
}

async function readAll(stream: Readable, name: string, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of addAbortSignal(signal, stream)) {
      chunks.push(Buffer.from(chunk));
      length += chunks.at(-1)?.length ?? 0;
      if (length > FILE_BYTES_MAX) throw tooLarge(name);
    }
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    if (signal.aborted) throw new InterruptedError();
    throw new CommandError(`can't read ${name}: ${reason(cause)}`, {
      hint: "give the path of a job file, or - for standard input",
      cause,
    });
  }
  return Buffer.concat(chunks);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "this user may not read it",
  EPERM: "this user may not read it",
  ENOTDIR: "a part of the path is no folder",
};

function reason(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException;
  return (code === undefined ? undefined : REASONS[code]) ?? message;
}

function tooLarge(name: string): CommandError {
  return new CommandError(`${name} is larger than ${FILE_BYTES_MAX / 2 ** 20} MiB`, {
    hint: "a job file holds no data; mount or fetch it instead",
  });
}

/** A mark at the start, as some editors write it, is no part of the text. */
function decode(bytes: Buffer, name: string): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new CommandError(`${name} is UTF-16 text`, {
      hint: "save it as UTF-8 (PowerShell: Out-File -Encoding utf8)",
    });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CommandError(`${name} is no UTF-8 text`, { hint: "is it a job file? save it as UTF-8", cause });
  }
}
