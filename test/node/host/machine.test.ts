import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  isPrivileged,
  type MachineAccess,
  readBootId,
  readMachineId,
  systemAccess,
} from "../../../node/host/machine.ts";

interface FakeMachine {
  readonly platform: NodeJS.Platform;
  readonly files?: Readonly<Record<string, string>>;
  /** What a command prints, by a part of its line; commands without an answer fail. */
  readonly answers?: Readonly<Record<string, string>>;
  readonly userId?: number;
  readonly wallMs?: number;
  readonly uptimeMs?: number;
}

function accessTo(machine: FakeMachine): MachineAccess {
  return {
    platform: machine.platform,
    readText: (path) => machine.files?.[path],
    run(file, args) {
      const line = [file, ...args].join(" ");
      return Object.entries(machine.answers ?? {}).find(([part]) => line.includes(part))?.[1];
    },
    userId: () => machine.userId,
    wallMs: () => machine.wallMs ?? 0,
    uptimeMs: () => machine.uptimeMs ?? 0,
  };
}

const PREFETCH = `\r
HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\[...]\\PrefetchParameters\r
    BootId    REG_DWORD    0x1F\r
\r
`;

describe("boot id", () => {
  test("Linux: the kernel's", () => {
    const files = { "/proc/sys/kernel/random/boot_id": "5e0d3cd0-1f3a-4b0e-9a51-0d9c4a0f7a11\n" };
    assert.equal(readBootId(accessTo({ platform: "linux", files })), "5e0d3cd0-1f3a-4b0e-9a51-0d9c4a0f7a11");
  });

  test("macOS: the boot session, else the boot time", () => {
    const session = { "-n kern.bootsessionuuid": "8C1B0A0E-2D3C-4E5F-8A9B-0C1D2E3F4A5B\n" };
    assert.equal(
      readBootId(accessTo({ platform: "darwin", answers: session })),
      "8C1B0A0E-2D3C-4E5F-8A9B-0C1D2E3F4A5B",
    );
    const time = { "-n kern.boottime": "{ sec = 1700000000, usec = 123456 } Tue Nov 14 22:13:20 2023\n" };
    assert.equal(readBootId(accessTo({ platform: "darwin", answers: time })), "boottime-1700000000.123456");
  });

  test("Windows: the boot counter, else the last boot time", () => {
    assert.equal(
      readBootId(accessTo({ platform: "win32", answers: { "/v BootId": PREFETCH } })),
      "bootid-0x1f",
    );
    const answers = { "LastBootUpTime.ToFileTimeUtc": "133444736000000000\r\n" };
    assert.equal(readBootId(accessTo({ platform: "win32", answers })), "boottime-133444736000000000");
  });

  test("where nothing tells, the same within a boot and another after the next", () => {
    for (const platform of ["linux", "darwin", "win32", "freebsd"] as const) {
      const bootAtMs = 1_700_000_000_000;
      const at = (uptimeMs: number, jitterMs: number, bootMs = bootAtMs) =>
        readBootId(accessTo({ platform, uptimeMs, wallMs: bootMs + uptimeMs + jitterMs }));
      const first = at(5000, 0);
      assert.equal(at(90_000_000, 1500), first);
      assert.notEqual(at(5000, 0, bootAtMs + 3_600_000), first);
    }
  });
});

describe("machine id", () => {
  const ID = "0123456789abcdef0123456789abcdef";

  test("Linux: systemd's file, else D-Bus's, else none", () => {
    const read = (files: Readonly<Record<string, string>>) =>
      readMachineId(accessTo({ platform: "linux", files }));
    assert.equal(read({ "/etc/machine-id": `${ID}\n` }), ID);
    assert.equal(read({ "/etc/machine-id": "", "/var/lib/dbus/machine-id": `${ID}\n` }), ID);
    assert.equal(read({ "/etc/machine-id": "uninitialized\n" }), undefined);
    assert.equal(read({}), undefined);
  });

  test("macOS: the platform's UUID", () => {
    const answers = {
      "ioreg -rd1 -c IOPlatformExpertDevice": `+-o J314sAP  <class IOPlatformExpertDevice>
    {
      "IOPlatformSerialNumber" = "C02XXXXXXXXX"
      "IOPlatformUUID" = "564D1B5C-0000-1111-2222-ABCDEFABCDEF"
    }`,
    };
    assert.equal(
      readMachineId(accessTo({ platform: "darwin", answers })),
      "564D1B5C-0000-1111-2222-ABCDEFABCDEF",
    );
    assert.equal(readMachineId(accessTo({ platform: "darwin" })), undefined);
  });

  test("Windows: the registry's GUID", () => {
    const answers = {
      "/v MachineGuid": `\r
HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r
    MachineGuid    REG_SZ    0D3A5B5C-9C1E-4F2B-8E2D-6B7A8C9D0E1F\r
`,
    };
    assert.equal(
      readMachineId(accessTo({ platform: "win32", answers })),
      "0d3a5b5c-9c1e-4f2b-8e2d-6b7a8c9d0e1f",
    );
    assert.equal(readMachineId(accessTo({ platform: "win32" })), undefined);
  });
});

test("privileged: root, or an elevated process on Windows", () => {
  assert.equal(isPrivileged(accessTo({ platform: "linux", userId: 0 })), true);
  assert.equal(isPrivileged(accessTo({ platform: "darwin", userId: 501 })), false);
  const label = (sid: string) => ({
    "whoami.exe /groups": `"Mandatory Label\\X","Label","${sid}","Mandatory group"\r\n`,
  });
  assert.equal(isPrivileged(accessTo({ platform: "win32", answers: label("S-1-16-12288") })), true);
  assert.equal(isPrivileged(accessTo({ platform: "win32", answers: label("S-1-16-16384") })), true);
  assert.equal(isPrivileged(accessTo({ platform: "win32", answers: label("S-1-16-8192") })), false);
  assert.equal(isPrivileged(accessTo({ platform: "win32" })), false);
});

test("this machine: a boot id that stays, commands that fail quietly", () => {
  const access = systemAccess();
  assert.ok(readBootId(access).length > 0);
  assert.equal(readBootId(access), readBootId(systemAccess()));
  assert.equal(access.run("/no/such/program", []), undefined);
  assert.equal(access.run(process.execPath, ["-e", "process.exit(3)"]), undefined);
  assert.equal(access.run(process.execPath, ["-e", "console.log('out')"]), "out\n");
  assert.equal(access.readText("/no/such/file"), undefined);
  if (process.geteuid !== undefined) assert.equal(isPrivileged(access), process.geteuid() === 0);
});
