/** Whether npm's record of what it installed covers a lock file. */

/**
 * The part of an entry that is read here; format 3 of package-lock.json.
 * @typedef {object} LockEntry
 * @property {string} [version]
 * @property {string} [integrity]
 * @property {boolean} [link]
 * @property {boolean} [optional]
 * @property {boolean} [devOptional]
 * @property {string | string[]} [os]
 * @property {string | string[]} [cpu]
 * @property {string | string[]} [libc]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [devDependencies]
 * @property {Record<string, string>} [optionalDependencies]
 */

/**
 * @param {string} packageLock text of package-lock.json
 * @param {string} npmRecord text of node_modules/.package-lock.json, which npm writes last
 * @returns {boolean} false also where either is damaged
 */
export function isInstalled(packageLock, npmRecord) {
  const wanted = packagesOf(packageLock);
  const present = packagesOf(npmRecord);
  if (!wanted || !present) return false;
  const entries = Object.entries(wanted);
  const needed = new Set(
    entries.filter(([place]) => isOwn(place) || place in present).flatMap(([, entry]) => needs(entry)),
  );
  return entries.every(([place, entry]) => {
    if (isOwn(place)) return true;
    const found = present[place];
    if (found) return found.version === entry.version && found.integrity === entry.integrity;
    // npm leaves out what is for other machines, and what only such packages need.
    const name = place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
    return isOptional(entry) && (!needed.has(name) || isForOtherMachines(entry));
  });
}

/**
 * The checkout itself, or a workspace of it.
 * @param {string} place
 */
function isOwn(place) {
  return !place.includes("node_modules/");
}

/** @param {LockEntry} entry */
function needs({ dependencies, devDependencies, optionalDependencies }) {
  return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies });
}

/** @param {LockEntry} entry */
function isOptional(entry) {
  return entry.optional === true || entry.devOptional === true;
}

/**
 * @param {string} text
 * @returns {Record<string, LockEntry> | undefined}
 */
function packagesOf(text) {
  try {
    const { packages } = JSON.parse(text);
    return typeof packages === "object" && packages !== null ? packages : undefined;
  } catch {
    return undefined;
  }
}

/** @param {LockEntry} entry */
function isForOtherMachines(entry) {
  // Which C library this machine has is npm's to tell: it left the package out.
  return !admits(entry.os, process.platform) || !admits(entry.cpu, process.arch) || entry.libc !== undefined;
}

/**
 * @param {string | string[] | undefined} list as in package.json: names, or names to leave out after a `!`
 * @param {string} name
 */
function admits(list, name) {
  if (list === undefined) return true;
  const names = typeof list === "string" ? [list] : list;
  if (names.includes(`!${name}`)) return false;
  const allowed = names.filter((each) => !each.startsWith("!"));
  return allowed.length === 0 || allowed.includes(name) || allowed.includes("any");
}
