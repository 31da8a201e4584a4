import { execFileSync, spawnSync } from "node:child_process"
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { sha256Hex } from "@amc/core"
import { afterAll, beforeAll, expect, test } from "vitest"
import { buildFor, findBinary, probeBinary } from "./probe-binary.ts"

const build = buildFor("linux", "x64")
let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "amc-test-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const firstLine = (program: string, ...args: readonly string[]): string =>
  (spawnSync(program, args, { encoding: "utf8" }).stdout ?? "").split("\n")[0] ?? ""

test("the committed probe is a small static program with the recorded digest", () => {
  const { file, sha256 } = probeBinary()
  expect(sha256).toBe(sha256Hex(readFileSync(file)))
  expect(statSync(file).size).toBeLessThan(150 * 1024)
  expect(statSync(file).mode & 0o111).toBe(0o111)
  const bytes = readFileSync(file)
  const headers = Array.from({ length: bytes.readUInt16LE(56) }, (_, index) =>
    bytes.readUInt32LE(Number(bytes.readBigUInt64LE(32)) + index * bytes.readUInt16LE(54)),
  )
  const [interpreter, dynamic] = [3, 2]
  expect(headers).not.toContain(interpreter)
  expect(headers).not.toContain(dynamic)
})

test("the same sources and compiler give the committed bytes", (context) => {
  const compiler = firstLine("gcc", "--version")
  const musl = firstLine("dpkg-query", "-W", "-f=${Version}", "musl-dev")
  if (compiler !== build.compiler || musl !== build.musl) {
    const why = `the probe was built with ${build.compiler} and musl ${build.musl}; here are '${compiler}' and '${musl}'`
    process.stderr.write(`NOT COMPARED: ${why}\n`)
    return context.skip(why)
  }
  const rebuilt = path.join(folder, "rebuilt")
  execFileSync(path.join(import.meta.dirname, "../probe/build.sh"), [rebuilt])
  expect(sha256Hex(readFileSync(rebuilt))).toBe(build.sha256)
})

test("a probe that was changed, or is missing, is refused", () => {
  expect(() => findBinary(build, folder)).toThrow(
    expect.objectContaining({ code: "sandbox/unavailable", message: `${build.file} is missing` }),
  )
  const copy = path.join(folder, build.file)
  copyFileSync(probeBinary().file, copy)
  expect(findBinary(build, folder)).toEqual({ file: copy, sha256: build.sha256 })
  const bytes = readFileSync(copy)
  bytes[bytes.length - 1]! ^= 1
  writeFileSync(copy, bytes)
  expect(() => findBinary(build, folder)).toThrow(
    expect.objectContaining({
      code: "sandbox/unavailable",
      message: `${build.file} is not the one of this version`,
    }),
  )
})

test.each([
  { platform: "linux", arch: "arm64" },
  { platform: "linux", arch: "constructor" },
  { platform: "darwin", arch: "x64" },
])("there is none for $platform on $arch, and that is said", ({ platform, arch }) => {
  expect(() => buildFor(platform, arch)).toThrow(
    expect.objectContaining({
      code: "sandbox/unavailable",
      message: `there is no isolation probe for ${platform} on ${arch}`,
    }),
  )
})
