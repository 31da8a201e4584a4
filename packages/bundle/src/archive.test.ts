import { spawnSync } from "node:child_process"
import * as fc from "fast-check"
import { packTar, type TarEntry, type TarHeader } from "modern-tar"
import { expect, test } from "vitest"
import { archiveSizeMax, readArchive, writeArchive } from "./archive.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const files = new Map([
  ["manifest.json", bytes("{}")],
  ["evidence/main/coder.entries", bytes("x".repeat(700))],
  ["empty", new Uint8Array(0)],
])
const good = await writeArchive(files)

test("gives back the files in the order of their names", async () => {
  expect([...(await readArchive(good))]).toEqual([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
})

test("writes equal bytes for equal files in whatever order they come", async () => {
  expect(await writeArchive(new Map([...files].reverse()))).toEqual(good)
})

test("writes what other tar programs read", () => {
  const listed = spawnSync(
    "tar",
    ["--list", "--verbose", "--numeric-owner", "--utc", "--file", "-"],
    { input: good },
  )
  expect(listed.stderr.toString()).toBe("")
  const lines = listed.stdout.toString().trim().split("\n")
  expect(lines.map((line) => line.replaceAll(/\s+/gu, " "))).toEqual([
    "-rw-r--r-- 0/0 0 1970-01-01 00:00 empty",
    "-rw-r--r-- 0/0 700 1970-01-01 00:00 evidence/main/coder.entries",
    "-rw-r--r-- 0/0 2 1970-01-01 00:00 manifest.json",
  ])
})

test.each([
  "",
  "/etc/passwd",
  "../up",
  "a/../b",
  "a//b",
  "./a",
  "a/",
  ".hidden",
  "a/.b",
  "a\\b",
  "C:a",
  "a b",
  "a\nb",
  "a\0b",
  "ä",
  "-rf",
  "a/b/c/d/e/f/g/h/i",
  "a".repeat(101),
  `${"a".repeat(100)}/${"b".repeat(100)}`,
])("refuses to write a file named %j", async (name) => {
  await expect(writeArchive(new Map([[name, bytes("x")]]))).rejects.toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})

test.each([
  { why: "names that differ in case only", names: ["Readme", "README"] },
  { why: "a file where another needs a folder", names: ["a", "a/b"] },
  { why: "a file where another needs a folder in another case", names: ["A", "a/b"] },
])("refuses to write $why", async ({ names }) => {
  await expect(writeArchive(new Map(names.map((name) => [name, bytes("x")])))).rejects.toThrow(
    expect.objectContaining({ code: "input/malformed" }),
  )
})

test("takes the longest names that it allows", async () => {
  const lane = "l".repeat(64)
  const name = `evidence/${lane}/${"a".repeat(64)}.entries`
  expect([
    ...(await readArchive(await writeArchive(new Map([[name, bytes("x")]])))).keys(),
  ]).toEqual([name])
})

const epoch = new Date(0)
const entry = (header: Partial<TarHeader>, body = "x"): TarEntry => ({
  header: {
    name: "a",
    size: body.length,
    type: "file",
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: epoch,
    uname: "",
    gname: "",
    ...header,
  },
  body,
})
const link = (type: TarHeader["type"], linkname: string): TarEntry =>
  entry({ type: type!, linkname, size: 0 }, "")

test.each([
  { why: "a symbolic link (B03)", entries: [link("symlink", "/etc/passwd")] },
  { why: "a hard link (B03)", entries: [entry({}), link("link", "a")] },
  { why: "a folder", entries: [entry({ name: "d/", type: "directory", size: 0 }, "")] },
  { why: "a character device (B03)", entries: [link("character-device", "")] },
  { why: "a block device (B03)", entries: [link("block-device", "")] },
  { why: "a pipe (B03)", entries: [link("fifo", "")] },
  { why: "an absolute path (B03)", entries: [entry({ name: "/a" })] },
  { why: "a path that leaves the folder (B03)", entries: [entry({ name: "../a" })] },
  { why: "a duplicate (B04)", entries: [entry({}), entry({})] },
  { why: "files out of order", entries: [entry({ name: "b" }), entry({ name: "a" })] },
  {
    why: "names that differ in case only (B05)",
    entries: [entry({ name: "A" }), entry({ name: "a" })],
  },
  { why: "an executable file", entries: [entry({ mode: 0o755 })] },
  { why: "a setuid file", entries: [entry({ mode: 0o4644 })] },
  { why: "an owner", entries: [entry({ uid: 1 })] },
  { why: "a group", entries: [entry({ gid: 1 })] },
  { why: "an owner's name", entries: [entry({ uname: "root" })] },
  { why: "a time", entries: [entry({ mtime: new Date(1000) })] },
  { why: "extended attributes", entries: [entry({ pax: { comment: "hidden" } })] },
  { why: "an extended path", entries: [entry({ pax: { path: "b" } })] },
  { why: "a name in another script (B05)", entries: [entry({ name: "а" })] },
])("refuses an archive with $why", async ({ entries }) => {
  const made = await packTar(entries)
  await expect(readArchive(made)).rejects.toThrow(
    expect.objectContaining({ code: "bundle/malformed" }),
  )
})

const patched = (at: number, ...patch: number[]): Uint8Array => {
  const copy = Uint8Array.from(good)
  copy.set(patch, at)
  return copy
}
const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

test.each([
  { why: "nothing", archive: new Uint8Array(0) },
  { why: "text", archive: bytes("not a tar at all".repeat(100)) },
  { why: "zeros only", archive: new Uint8Array(10_240) },
  { why: "a byte after its end (B07)", archive: joined(good, Uint8Array.of(0)) },
  { why: "a block after its end", archive: joined(good, new Uint8Array(512)) },
  { why: "another archive after its end", archive: joined(good, good) },
  { why: "no end", archive: good.subarray(0, -1024) },
  { why: "half an end", archive: good.subarray(0, -512) },
  { why: "a wrong checksum (B07)", archive: patched(148, 0x37) },
  { why: "something in its padding", archive: patched(good.length - 1024 - 1, 1) },
  {
    why: "a negative size",
    archive: patched(124, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
  },
  { why: "a huge size (B06)", archive: patched(124, ...bytes("77777777777")) },
])("refuses an archive that is $why, or has it", async ({ archive }) => {
  await expect(readArchive(archive)).rejects.toThrow(
    expect.objectContaining({ code: "bundle/malformed" }),
  )
})

test("refuses an archive of too many bytes before it reads any (B06)", async () => {
  await expect(readArchive(new Uint8Array(archiveSizeMax + 1))).rejects.toThrow(
    expect.objectContaining({ code: "input/too-large" }),
  )
})

test("refuses an archive of too many files (B06)", async () => {
  const names = Array.from({ length: 4101 }, (_, at) => `f${String(at).padStart(4, "0")}`)
  const made = await packTar(names.map((name) => entry({ name })))
  await expect(readArchive(made)).rejects.toThrow(
    expect.objectContaining({ code: "bundle/malformed" }),
  )
})

test("no archive has two spellings: a changed bit is refused or is another file's content", async () => {
  const before = JSON.stringify(
    [...(await readArchive(good))].map(([name, data]) => [name, [...data]]),
  )
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length * 8 - 1), async (bit) => {
      const changed = Uint8Array.from(good)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      const read = await readArchive(changed).catch((error: unknown) => error)
      if (read instanceof Map)
        expect(JSON.stringify([...read].map(([name, data]) => [name, [...data]]))).not.toBe(before)
      else expect(read).toMatchObject({ code: "bundle/malformed" })
    }),
    { numRuns: 1000 },
  )
})

test("never throws anything but its own faults, whatever the bytes", async () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 4096 }),
    fc
      .tuple(fc.nat(good.length), fc.uint8Array({ maxLength: 600 }))
      .map(([at, tail]) => joined(good.subarray(0, at), tail)),
  )
  await fc.assert(
    fc.asyncProperty(noise, async (archive) => {
      const read = await readArchive(archive).catch((error: unknown) => error)
      if (read instanceof Map)
        expect(Buffer.from(await writeArchive(read)).equals(archive)).toBe(true)
      else expect(read).toMatchObject({ code: "bundle/malformed" })
    }),
    { numRuns: 500 },
  )
})
