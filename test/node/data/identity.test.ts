import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkFounding,
  type Disk,
  FOUNDER_CAPABILITIES,
  isName,
  PeerError,
  type PublicKey,
  regionId,
  seededRandom,
  signLink,
  verifyChain,
} from "../../../federation/index.ts";
import { ManualClock, MemoryDisk } from "../../../lab/index.ts";
import {
  type Identity,
  type IdentityOptions,
  nodeIdOf,
  nodeNameFrom,
  openIdentity,
} from "../../../node/data/identity.ts";
import type { Membership } from "../../../node/data/identity-files.ts";
import { createCrypto } from "../../../node/host/crypto.ts";

const crypto = createCrypto();
const directory = "/data";
const KEY_FILES = ["identity/key", "identity/root"];
const FILES = [...KEY_FILES, "identity/chain", "identity/starts", "identity/region", "token"];
/** A little more than the disk is called on a first start; no multiple of 3. */
const CALLS = 16;

function hardwareOf(seed: number | string): MemoryDisk {
  return new MemoryDisk({ random: seededRandom(seed) });
}

function open(disk: Disk, options: Partial<IdentityOptions> = {}): Promise<Identity> {
  const random = options.random ?? seededRandom(`identity ${draws++}`);
  return openIdentity({ disk, crypto, random, clock: new ManualClock(), directory, ...options });
}

/** No two starts draw the same. */
let draws = 0;

async function refusal(promise: Promise<unknown>): Promise<PeerError> {
  const error = await promise.then(
    () => assert.fail("was not refused"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PeerError, String(error));
  return error;
}

/** What stays the same from start to start. */
function lasting({ incarnation: _i, incarnationId: _id, signer, rootSigner, ...rest }: Identity) {
  return { ...rest, key: signer.publicKey, rootKey: rootSigner?.publicKey };
}

async function contents(disk: Disk): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const name of FILES) {
    const data = await disk.read(name);
    if (data !== undefined) found.set(name, new TextDecoder().decode(data));
  }
  return found;
}

function write(disk: Disk, name: string, text: string): Promise<void> {
  return disk.write(name, new TextEncoder().encode(text));
}

test("a first start makes a whole identity", async () => {
  const identity = await open(hardwareOf(1).mount());
  assert.match(identity.nodeId, /^[0-9a-f]{32}$/);
  assert.equal(identity.nodeId, nodeIdOf(identity.signer.publicKey, crypto));
  assert.equal(identity.rootSigner?.publicKey, identity.root);
  assert.notEqual(identity.root, identity.signer.publicKey);
  const claim = { root: identity.root, subject: identity.signer.publicKey, capability: "submit" } as const;
  assert.equal(verifyChain(identity.chain, claim, crypto), undefined);
  const { region } = identity;
  assert.equal(region.name, "local");
  assert.equal(checkFounding(region.founding, crypto), undefined);
  assert.equal(region.id, regionId(region.founding, crypto));
  assert.equal(region.founding.founder, identity.signer.publicKey);
  assert.equal(region.founding.root, identity.root);
  assert.equal(identity.incarnation, 1);
  assert.match(identity.incarnationId, /^1-[0-9a-f]{16}$/);
  assert.match(identity.token, /^peer_[A-Za-z0-9_-]{43}$/);
});

test("the node id is the beginning of the key's SHA-256", () => {
  // sha256sum of the 32 bytes of RFC 8032's first public key.
  const key = crypto.signer(
    Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex"),
  ).publicKey;
  assert.equal(nodeIdOf(key, crypto), "21fe31dfa154a261626bf854046fd227");
});

test("later starts find the same identity; only the incarnation grows", async () => {
  const hardware = hardwareOf(2);
  const first = await open(hardware.mount(), { regionName: "lyon" });
  hardware.crash();
  const second = await open(hardware.mount());
  const third = await open(hardware.mount(), { regionName: "lyon" });
  assert.deepEqual(lasting(second), lasting(first));
  assert.deepEqual(lasting(third), lasting(first));
  assert.deepEqual(
    [first, second, third].map(({ incarnation }) => incarnation),
    [1, 2, 3],
  );
  assert.equal(first.region.name, "lyon");
});

test("two peers share nothing; two starts of one copy differ in their incarnation", async () => {
  const hardware = hardwareOf(3);
  const first = await open(hardware.mount());
  const other = await open(hardwareOf(4).mount());
  for (const key of ["nodeId", "root", "token"] as const) assert.notEqual(first[key], other[key]);
  assert.notEqual(first.region.id, other.region.id);
  const copy = hardware.clone(seededRandom(5));
  const [original, clone] = [await open(hardware.mount()), await open(copy.mount())];
  assert.equal(original.incarnation, clone.incarnation);
  assert.notEqual(original.incarnationId, clone.incarnationId);
});

test("a first start that was cut off anywhere is completed by the next", async () => {
  let interrupted = 0;
  for (let seed = 0; seed < 3 * CALLS; seed++) {
    const hardware = hardwareOf(seed);
    const stopped = hardware.stopAt(1 + (seed % CALLS), seed % 3 === 0 ? "kill" : "crash");
    const whole = open(hardware.mount());
    if ((await Promise.race([whole, stopped])) === undefined) interrupted += 1;
    const disk = hardware.clone(seededRandom(seed)).mount();
    const before = await contents(disk);
    const identity = await open(disk);
    const after = await contents(disk);
    assert.deepEqual([...after.keys()], FILES, `seed ${seed}`);
    for (const [name, text] of before)
      if (name !== "identity/starts") assert.equal(after.get(name), text, `seed ${seed}: ${name} was kept`);
    assert.deepEqual(lasting(await open(disk)), lasting(identity), `seed ${seed}`);
  }
  assert.ok(interrupted > 2 * CALLS && interrupted < 3 * CALLS, `${interrupted} runs were interrupted`);
});

test("a start is counted before it counts: a crash never lets an incarnation come again", async () => {
  for (let seed = 0; seed < 30; seed++) {
    const hardware = hardwareOf(`starts ${seed}`);
    await open(hardware.mount());
    const seen = new Set<number>([1]);
    const stopped = hardware.stopAt(1 + (seed % 10), "crash");
    const next = open(hardware.mount()).then(({ incarnation }) => seen.add(incarnation));
    await Promise.race([next, stopped]);
    const { incarnation } = await open(hardware.clone(seededRandom(seed)).mount());
    assert.ok(!seen.has(incarnation), `seed ${seed}: ${incarnation} came again`);
  }
});

test("a damaged file is refused with what to do, and never overwritten", async () => {
  const hardware = hardwareOf(6);
  await open(hardware.mount());
  const damages: readonly ((text: string) => string)[] = [
    () => "",
    (text) => text.slice(0, text.length / 2),
    () => "{}",
    () => "null",
    (text) => text.replace('"v":1', '"v":2'),
    (text) => text.replace(/[0-9a-f]{64}/, (hex) => `${hex.startsWith("0") ? "1" : "0"}${hex.slice(1)}`),
    (text) => text.replace('"starts":1', '"starts":-1'),
  ];
  for (const name of FILES) {
    for (const [at, damage] of damages.entries()) {
      const disk = hardware.clone(seededRandom(at)).mount();
      const good = (await contents(disk)).get(name) ?? "";
      const bad = damage(good);
      if (bad === good) continue;
      await write(disk, name, bad);
      const error = await refusal(open(disk));
      assert.equal(error.code, "damaged", `${name}, damage ${at}`);
      assert.ok(error.message.includes(`${directory}/${name}`), error.message);
      assert.match(error.hint ?? "", name === "token" ? /remove the file/ : /backup/);
      assert.equal((await contents(disk)).get(name), bad, `${name}, damage ${at}`);
    }
  }
});

test("a missing file is damage, unless nothing that came after it is there", async () => {
  const hardware = hardwareOf(7);
  const first = await open(hardware.mount());
  const mayBeMissing = ["identity/root", "token"];
  for (const name of FILES.filter((file) => !mayBeMissing.includes(file))) {
    const disk = hardware.clone(seededRandom(name)).mount();
    await disk.remove(name);
    const error = await refusal(open(disk));
    assert.equal(error.code, "damaged");
    assert.match(error.message, new RegExp(`${name} is missing`));
    assert.equal(await disk.read(name), undefined, "nothing was made in its place");
  }
  const disk = hardware.clone(seededRandom(8)).mount();
  await disk.remove("identity");
  await disk.remove("token");
  await write(disk, "raft/00000001.log", "x");
  assert.match((await refusal(open(disk))).message, /identity\/key is missing, but there is raft\//);
  assert.equal(first.incarnation, 1);
});

test("a root that was moved off the machine is no damage, a foreign one is", async () => {
  const hardware = hardwareOf(9);
  const first = await open(hardware.mount());
  const disk = hardware.mount();
  await disk.remove("identity/root");
  const without = await open(disk);
  assert.equal(without.rootSigner, undefined);
  assert.equal(without.root, first.root);
  assert.equal(await disk.read("identity/root"), undefined);
  const other = hardwareOf(10).mount();
  await open(other);
  await write(disk, "identity/root", (await contents(other)).get("identity/root") ?? "");
  assert.match((await refusal(open(disk))).message, /identity\/chain is of another root/);
});

test("another peer's key, chain or region beside one's own is refused", async () => {
  const [mine, theirs] = [hardwareOf(11), hardwareOf(12).mount()];
  await open(mine.mount());
  await open(theirs);
  for (const name of ["identity/key", "identity/chain", "identity/region"]) {
    const disk = mine.clone(seededRandom(name)).mount();
    await write(disk, name, (await contents(theirs)).get(name) ?? "");
    assert.equal((await refusal(open(disk))).code, "damaged", name);
  }
});

test("a removed token is made anew, one that a person wrote is taken", async () => {
  const disk = hardwareOf(13).mount();
  const first = await open(disk);
  await disk.remove("token");
  const second = await open(disk);
  assert.notEqual(second.token, first.token);
  assert.equal(second.nodeId, first.nodeId);
  const own = `peer_${"A".repeat(43)}`;
  await write(disk, "token", `  ${own}\r\n`);
  assert.equal((await open(disk)).token, own);
});

test("another region's name is refused, as is what is no name, before anything is made", async () => {
  const disk = hardwareOf(14).mount();
  assert.equal((await refusal(open(disk, { regionName: "../x" }))).code, "bad_request");
  assert.equal((await contents(disk)).size, 0);
  await open(disk, { regionName: "lyon" });
  const error = await refusal(open(disk, { regionName: "nice" }));
  assert.equal(error.code, "bad_request");
  assert.match(error.message, /lyon, not nice/);
});

test("a disk that fails is told as such", async () => {
  const hardware = hardwareOf(15);
  hardware.capacityBytes = 100;
  assert.equal((await refusal(open(hardware.mount()))).code, "disk_full");
  hardware.capacityBytes = Number.POSITIVE_INFINITY;
  assert.equal((await open(hardware.mount())).token.length, 48);
});

test("a node's name comes from whatever the machine is called", () => {
  const names: readonly [string, string][] = [
    ["web1", "web1"],
    ["web1.example.com", "web1"],
    ["Jos\u00e9s-MacBook Pro.local", "Joses-MacBook-Pro"],
    ["under_score", "under_score"],
    ["-dash-", "dash"],
    ["\u4e2d\u6587", "peer"],
    ["", "peer"],
    ["...", "peer"],
    ["x".repeat(80), "x".repeat(63)],
  ];
  for (const [hostname, name] of names) {
    assert.equal(nodeNameFrom(hostname), name);
    assert.ok(isName(nodeNameFrom(hostname)));
  }
});

test("a new peer takes the membership that its key was given, and founds nothing", async () => {
  const founder = await open(hardwareOf("founder").mount(), { regionName: "paris" });
  const { founding } = founder.region;
  const redeem = async (key: PublicKey): Promise<Membership> => {
    assert.ok(founder.rootSigner);
    return { root: founder.root, chain: [signLink(founder.rootSigner, key, FOUNDER_CAPABILITIES)], founding };
  };
  const disk = hardwareOf("member");
  const member = await open(disk.mount(), { redeem });
  assert.deepEqual([member.root, member.region], [founder.root, founder.region]);
  assert.equal(member.rootSigner, undefined);
  assert.notEqual(member.nodeId, founder.nodeId);
  const asked = () => assert.fail("a member asks once");
  assert.deepEqual(lasting(await open(disk.mount(), { redeem: asked })), lasting(member));
});

test("a membership for another key, or of another mesh, is refused and leaves no membership", async () => {
  const founder = await open(hardwareOf("founder").mount());
  const other = await open(hardwareOf("other").mount());
  const disk = hardwareOf("member");
  const chain = (key: PublicKey) => {
    assert.ok(founder.rootSigner);
    return [signLink(founder.rootSigner, key, FOUNDER_CAPABILITIES)];
  };
  const { founding } = founder.region;
  const stolen = await refusal(
    open(disk.mount(), {
      redeem: async () => ({ root: founder.root, chain: chain(other.signer.publicKey), founding }),
    }),
  );
  assert.deepEqual([stolen.code, stolen.hint], ["forbidden", "ask for another ticket"]);
  assert.equal(await disk.mount().read("identity/chain"), undefined);
  const foreign = await refusal(
    open(disk.mount(), {
      redeem: async (key) => ({ root: founder.root, chain: chain(key), founding: other.region.founding }),
    }),
  );
  assert.match(foreign.message, /another mesh/);
});

test("a member whose region's entry is gone does not found a region", async () => {
  const founder = await open(hardwareOf("founder").mount());
  const disk = hardwareOf("member");
  const redeem = async (key: PublicKey): Promise<Membership> => {
    assert.ok(founder.rootSigner);
    const chain = [signLink(founder.rootSigner, key, FOUNDER_CAPABILITIES)];
    return { root: founder.root, chain, founding: founder.region.founding };
  };
  await open(disk.mount(), { redeem });
  await disk.mount().remove("identity/region");
  await disk.mount().remove("token");
  assert.match((await refusal(open(disk.mount()))).message, /identity\/region is missing/);
});
