/**
 * A job file from disk or standard input, as the text to send; the peer parses it, so that all clients agree.
 */
import { readFile, stat } from "node:fs/promises";
import { extname } from "node:path";
import { CommandError } from "./command.ts";

const FILE_BYTES_MAX = 1024 * 1024;

export interface JobInput {
  readonly name: string;
  readonly type: string;
  readonly content: string;
}

export async function readJobInput(path: string): Promise<JobInput> {
  if (path === "-") return { name: "standard input", type: "application/yaml", content: await readStdin() };
  try {
    if ((await stat(path)).size > FILE_BYTES_MAX) throw tooLarge(path);
    const type = extname(path).toLowerCase() === ".json" ? "application/json" : "application/yaml";
    return { name: path, type, content: await readFile(path, "utf8") };
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    const what =
      code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : String(code);
    throw new CommandError(`can't read ${path}: ${what}`, {
      hint: "give the path of a job file, or - for standard input",
    });
  }
}

async function readStdin(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.length > FILE_BYTES_MAX) throw tooLarge("standard input");
  }
  return text;
}

function tooLarge(name: string): CommandError {
  return new CommandError(`${name} is larger than 1 MiB`, {
    hint: "a job file holds no data; mount or fetch it instead",
  });
}
