/**
 * Which group a peer's log belongs to, and how it came into it: written before the log. Only the founder
 * begins with itself as the voter; everyone else waits to be taken in, for ever if need be (S9).
 */
import { type Configuration, type Disk, NO_CONFIGURATION, PeerError } from "../../federation/index.ts";

export interface Founding {
  readonly regionId: string;
  readonly generation: number;
  readonly founding: "found" | "join";
}

const FILE = "group.json";
const FORMAT_VERSION = 1;

/** The first configuration of the log in `folder`. PeerError `conflict` where it is another region's. */
export async function firstConfiguration(
  disk: Disk,
  folder: string,
  self: string,
  wanted: Founding,
): Promise<Configuration> {
  const path = `${folder}/${FILE}`;
  const bytes = await disk.read(path);
  const known = bytes === undefined ? await begin(disk, folder, wanted) : parse(path, bytes);
  if (known.regionId !== wanted.regionId || known.generation !== wanted.generation) {
    const what = `${known.regionId}, generation ${known.generation}`;
    throw new PeerError("conflict", `${folder} is the log of region ${what}`, {
      hint: `this peer is now in ${wanted.regionId}, generation ${wanted.generation}: move the folder away`,
    });
  }
  return known.founding === "found" ? { ...NO_CONFIGURATION, voters: [self] } : NO_CONFIGURATION;
}

async function begin(disk: Disk, folder: string, wanted: Founding): Promise<Founding> {
  // Logs from before this file were all founders' own.
  const isOld = (await disk.list(`${folder}/log`)).length > 0;
  const founding: Founding = isOld ? { ...wanted, founding: "found" } : wanted;
  const { generation, regionId } = founding;
  const text = JSON.stringify({ v: FORMAT_VERSION, regionId, generation, founding: founding.founding });
  await disk.write(`${folder}/${FILE}`, new TextEncoder().encode(`${text}\n`));
  return founding;
}

function parse(path: string, bytes: Uint8Array): Founding {
  const value = read(bytes);
  const version = Reflect.get(value, "v");
  if (typeof version === "number" && version > FORMAT_VERSION) {
    throw new PeerError(
      "not_supported",
      `${path} has format ${version}; this release reads ${FORMAT_VERSION}`,
      {
        hint: "start the release that wrote it, or a newer one",
      },
    );
  }
  const regionId = Reflect.get(value, "regionId");
  const generation = Reflect.get(value, "generation");
  const founding = Reflect.get(value, "founding");
  if (typeof regionId === "string" && typeof generation === "number") {
    if (founding === "found" || founding === "join") return { regionId, generation, founding };
  }
  throw new PeerError("damaged", `${path} can't be read`, {
    hint: "restore the data directory from a backup, or remove it and let this peer join again",
  });
}

function read(bytes: Uint8Array): object {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
