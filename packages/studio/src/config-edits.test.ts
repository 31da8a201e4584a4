import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { sha256Hex } from "@amc/core"
import * as fc from "fast-check"
import { beforeAll, expect, test } from "vitest"
import { edited, exampleConfigs } from "./config-examples.fixture.ts"
import { completeConfigs, judgeConfigs } from "./config-list.ts"
import { withNotary } from "./notary-session.ts"
import { signConfigBytes } from "./signed-config.ts"
import { newPlace, now, type Place, temporaryFolder } from "./workspace.fixture.ts"

let base: Place
const paths = ["gateway.yaml", "users.yaml", "agents/a1/agent.config.yaml", "gatePolicy.json"]
const versions = [1, 2, 3]
const ends = ["", ".sig", ".sig.next"] as const

/** Signed versions of each path, as files of a folder that the owner keeps. */
let kept: string

beforeAll(async () => {
  base = await newPlace()
  kept = join(base.top, "kept")
  await withNotary(base.workspace, async (notary) => {
    for (const path of paths) {
      let text = exampleConfigs(base.workspace.workspace).get(path)!
      for (const version of versions) {
        const place = { ...base.workspace, dir: join(kept, String(version)) }
        const terms = { version, previous_sha256: null, expires_ms: null }
        const bytes = new TextEncoder().encode(text)
        await signConfigBytes(place, path, bytes, notary, terms)
        text = edited(text)
      }
    }
  })
  return () => rmSync(base.top, { recursive: true })
})

const path = fc.constantFrom(...paths)
const version = fc.constantFrom(...versions)
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("signed" as const), path }) },
  fc.record({
    kind: fc.constant("copied" as const),
    path,
    from: path,
    version,
    end: fc.constantFrom(...ends),
    as: fc.constantFrom(...ends),
  }),
  fc.record({
    kind: fc.constant("pair" as const),
    path,
    from: path,
    version,
    as: fc.constantFrom(".sig" as const, ".sig.next" as const),
  }),
  fc.record({
    kind: fc.constant("changed" as const),
    path,
    end: fc.constantFrom(...ends),
    at: fc.nat(),
    by: fc.integer({ min: 0, max: 255 }),
  }),
  fc.record({
    kind: fc.constant("removed" as const),
    path,
    end: fc.constantFrom(...ends),
  }),
  fc.record({ kind: fc.constant("recovered" as const) }),
)

test("no edit of files, without the auditor's key, makes a capture take a value that is not the last signed one", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const place = { ...base.workspace, dir: temporaryFolder() }
      const history = new Map<string, { version: number; sha256: string }>()
      for (const each of steps) {
        apply(place.dir, each, history)
        if (each.kind === "recovered") completeConfigs(place)
        for (const [judgedPath, judged] of judgeConfigs(place, history, now)) {
          if (judged.flaw !== null) continue
          const last = history.get(judgedPath)
          expect(judged.version).toBe(last?.version)
          expect(Buffer.from(judged.bytes)).toEqual(signedBytes(judgedPath, last!.version))
        }
      }
    }),
    { numRuns: 300 },
  )
}, 120_000)

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** What the owner does raises the version and is recorded; nobody else has a later version than his last. */
function apply(
  dir: string,
  each: Step,
  history: Map<string, { version: number; sha256: string }>,
): void {
  if (each.kind === "recovered") return
  const file = join(dir, each.path)
  mkdirSync(dirname(file), { recursive: true })
  if (each.kind === "signed") {
    const next = Math.min((history.get(each.path)?.version ?? 0) + 1, versions.length)
    for (const end of ["", ".sig"]) copyFileSync(keptFile(each.path, next) + end, file + end)
    history.set(each.path, { version: next, sha256: digestOf(each.path, next) })
  } else if (each.kind === "copied" || each.kind === "pair") {
    if (each.version > (history.get(each.from)?.version ?? 0)) return
    const from = keptFile(each.from, each.version)
    if (each.kind === "copied") copyFileSync(from + each.end.replace(".next", ""), file + each.as)
    else {
      copyFileSync(from, file)
      copyFileSync(`${from}.sig`, file + each.as)
    }
  } else if (each.kind === "removed") rmSync(file + each.end, { force: true })
  else change(file + each.end, each.at, each.by)
}

function change(file: string, at: number, by: number): void {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch {
    bytes = Buffer.from("v: 1\n")
  }
  if (bytes.length > 0) bytes[at % bytes.length] = by
  writeFileSync(file, bytes)
}

function keptFile(of: string, version: number): string {
  return join(kept, String(version), of)
}

function signedBytes(of: string, version: number): Buffer {
  return readFileSync(keptFile(of, version))
}

function digestOf(of: string, version: number): string {
  return sha256Hex(signedBytes(of, version))
}
