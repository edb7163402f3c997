import fs from "node:fs";
import path from "node:path";

const licenceFile = /^(licen[cs]e|copying|notice)(\.(md|txt|mit|apache2?))?$/i;

/**
 * The licences of the packages in a bundle, as its readers are owed them.
 *
 * @param moduleIds files of the bundle, as rollup names them
 * @throws Error for a package that states none: it must not be shipped
 */
export function licencesOf(moduleIds: readonly string[]): string {
  const folders = new Set(moduleIds.flatMap((id) => packageFolder(id) ?? []));
  const sections = [...folders].map(describe).sort();
  return ["The programs in this folder contain these packages.", ...new Set(sections)].join(
    `\n\n${"-".repeat(80)}\n`,
  );
}

/** The innermost package that a file belongs to; undefined for a file of our own or of rollup's plugins. */
function packageFolder(moduleId: string): string | undefined {
  const file = moduleId.replaceAll("\0", "").replace(/\?.*$/, "").replaceAll("\\", "/");
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0];
}

function describe(folder: string): string {
  const manifest = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
  const texts = fs.readdirSync(folder).filter((name) => licenceFile.test(name));
  if (typeof manifest.license !== "string") throw new Error(`${manifest.name} states no licence`);
  const heading = `${manifest.name} ${manifest.version} (${manifest.license})`;
  return [heading, ...texts.map((name) => fs.readFileSync(path.join(folder, name), "utf8").trim())].join(
    "\n\n",
  );
}
