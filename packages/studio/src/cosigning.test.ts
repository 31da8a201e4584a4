import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { once } from "node:events"
import { createServer, type RequestListener, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import {
  type NoteVerifier,
  openCosignatures,
  parseCosignerVkey,
  parseNote,
  parseVkey,
  parseWitnessPolicy,
  utf8,
  type Verdict,
  witnessesConfigSchema,
} from "@amc/core"
import { openWitnessStore } from "@amc/store-sqlite"
import { lowestKdfCost } from "@amc/vault"
import { exitOf } from "@amc/verify"
import { afterEach, beforeAll, expect, test } from "vitest"
import { exportBundle } from "./bundle.ts"
import { openCapture } from "./capture.ts"
import { witnessesConfigPath } from "./cosigning.ts"
import { exportKeys } from "./key-export.ts"
import { keysInUse } from "./key-list.ts"
import { revokeKeyOf } from "./key-rotation.ts"
import { withLedger } from "./ledger-reader.ts"
import { withNotary } from "./notary-session.ts"
import { rootSigners } from "./root-signers.ts"
import { makeRun, type SealedRun } from "./run.ts"
import { writeConfig } from "./signed-config.ts"
import { StateHome } from "./state-home.ts"
import { StandingGateway } from "./standing-gateway.ts"
import { verifyBundleHere } from "./verify-bundle.ts"
import { verifyWorkspace, type WorkspaceSummary } from "./verify-workspace.ts"
import { initWitness, openWitness, type ServedWitness, witnessFiles } from "./witness-folder.ts"
import { parseLogs } from "./witness-logs.ts"
import { copyOf, newPlace, type Place, reopened, temporaryFolder } from "./workspace.fixture.ts"

// The recorder's thread has the real clock, and keys count from the time that they were made at.
// oxlint-disable-next-line no-restricted-globals
const clock = (): number => Date.now()

let base: Place
let witnessDirs: readonly string[]
let vkeys: readonly string[]

beforeAll(async () => {
  base = await newPlace(clock)
  witnessDirs = ["w1", "w2"].map((name) => join(base.top, name))
  vkeys = await Promise.all(
    witnessDirs.map((dir, at) => initWitness(dir, `witness.example/w${at + 1}`, lowestKdfCost)),
  )
  return () => rmSync(base.top, { recursive: true })
})

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** A workspace and witnesses of the test's own. */
function newCopy(): { place: Place; dirs: readonly string[] } {
  const place = copyOf(base)
  return { place, dirs: ["w1", "w2"].map((name) => join(place.top, name)) }
}

async function serve(place: Place, dir: string): Promise<ServedWitness> {
  const log = exportKeys(reopened(place), "vkey", clock()).trim()
  const logs = parseLogs([log])
  const served = await openWitness({
    dir,
    host: "127.0.0.1",
    port: 0,
    logs,
    clock,
    warn: () => undefined,
  })
  let isOpen = true
  const close = async (): Promise<void> => {
    if (isOpen) await served.close()
    isOpen = false
  }
  open.push(close)
  return { ...served, close }
}

interface Named {
  readonly url: string
  readonly vkey: string
}

/** Signs who is to be asked. */
async function name(place: Place, witnesses: readonly Named[], quorum = 1): Promise<void> {
  const lines = witnesses.map(({ url, vkey }) => `  - {url: "${url}", vkey: "${vkey}"}\n`)
  const text = `v: 1\nquorum: ${quorum}\nwitnesses:\n${lines.join("")}`
  const workspace = reopened(place)
  await withNotary(workspace, (notary) =>
    writeConfig(workspace, witnessesConfigPath, text, witnessesConfigSchema, notary),
  )
}

async function run(place: Place): Promise<SealedRun> {
  const capture = await openCapture(reopened(place), { clock })
  try {
    return await makeRun(capture, { agent: "a1", windowDays: 14 })
  } finally {
    await capture.close()
  }
}

const policy = (text = "group g all a b\nquorum g\n"): ReturnType<typeof parseWitnessPolicy> =>
  parseWitnessPolicy(utf8(`witness a ${vkeys[0]}\nwitness b ${vkeys[1]}\n${text}`))

function verify(place: Place, asks = policy()): Promise<Verdict<WorkspaceSummary>> {
  const { folder, workspace } = place
  const witnesses = { policy: asks }
  return verifyWorkspace(folder, workspace.state, { clock, witnesses, progress: () => undefined })
}

function codesOf(verdict: Verdict<unknown>): string[] {
  return verdict.accepted ? [] : [...new Set(verdict.findings.map(({ code }) => code))]
}

const verifiers = (): NoteVerifier[] => vkeys.map(parseCosignerVkey)

test("a run is cosigned by all witnesses, and its bundle shows it", async () => {
  const { place, dirs } = newCopy()
  const served = await Promise.all(dirs.map((dir) => serve(place, dir)))
  await name(place, served, 2)
  const first = await run(place)
  expect(first.warnings).toEqual([])
  expect(openCosignatures(first.stored.checkpoint, verifiers())).toHaveLength(2)
  // The second time each witness gets a proof from the first.
  const second = await run(place)
  expect(second.warnings).toEqual([])
  expect(openCosignatures(second.stored.checkpoint, verifiers())).toHaveLength(2)
  const verdict = await verify(place)
  expect(codesOf(verdict)).toEqual([])
  expect(verdict).toMatchObject({ value: { witnessing: { quorum: "met" } } })
  const workspace = reopened(place)
  const { runId } = second.stored
  const bundle = await exportBundle(workspace, { agent: "a1", runId, clock })
  const judged = await verifyBundleHere(bundle, {
    state: new StateHome({ XDG_STATE_HOME: temporaryFolder() }),
    trust: { rootSha256: workspace.rootSha256 },
    nowMs: clock(),
    atMs: clock(),
    witnesses: { policy: policy(), maxAgeMs: 3_600_000 },
    warn: () => undefined,
  })
  expect(judged).toMatchObject({
    accepted: true,
    value: { witnessing: { quorum: "met", witnesses: [{ name: "a" }, { name: "b" }] } },
  })
})

test("L6: a gateway that stands asks the witnesses itself, since it holds the lane", async () => {
  const { place, dirs } = newCopy()
  const served = await Promise.all(dirs.map((dir) => serve(place, dir)))
  await name(
    place,
    served.map(({ url }, at) => ({ url, vkey: vkeys[at] ?? "" })),
    2,
  )
  const warnings: string[] = []
  const gateway = await StandingGateway.start(reopened(place), {
    host: "127.0.0.1",
    port: 0,
    egressPort: 0,
    clock,
    warn: (text) => warnings.push(text),
  })
  await gateway.close()
  expect(warnings).toEqual([])
  const notes = await withLedger(place.workspace, ({ events }) => events.checkpoints())
  const cosigned = notes.filter(({ note }) => parseNote(note).signatures.length === 3)
  expect(cosigned).toHaveLength(1)
})

test("without witnesses.yaml nobody is asked, and the quorum is missed", async () => {
  const { place } = newCopy()
  const { warnings, stored } = await run(place)
  expect(warnings).toEqual([])
  expect(parseNote(stored.checkpoint).signatures).toHaveLength(1)
  const verdict = await verify(place)
  expect(codesOf(verdict)).toEqual(["witness/quorum"])
  expect(exitOf(verdict)).toBe(1)
  expect(codesOf(await verify(place, policy("quorum none\n")))).toEqual([])
})

async function answering(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener)
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  open.push(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, "close")
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test("a dead witness and one that answers nonsense are told, and the run is made", async () => {
  const { place, dirs } = newCopy()
  const { url, close } = await serve(place, dirs[0]!)
  await close()
  const nonsense = await answering((_request, response) => void response.end("hello\n"))
  await name(place, [
    { url, vkey: vkeys[0]! },
    { url: nonsense, vkey: vkeys[1]! },
  ])
  const { warnings, stored } = await run(place)
  expect(warnings).toEqual([
    expect.stringMatching(/^no cosignature: .*ECONNREFUSED$/),
    expect.stringMatching(/^no cosignature: witness witness\.example\/w2: /),
    expect.stringMatching(/^0 of 2 witnesses cosigned/),
  ])
  expect(parseNote(stored.checkpoint).signatures).toHaveLength(1)
})

test(
  "a witness that never answers costs a few seconds and not the run",
  { timeout: 60_000 },
  async () => {
    const { place, dirs } = newCopy()
    const served = await serve(place, dirs[0]!)
    const silent = await answering(() => undefined)
    await name(place, [served, { url: silent, vkey: vkeys[1]! }], 2)
    const { warnings, stored } = await run(place)
    expect(warnings).toEqual([
      expect.stringMatching(/no answer in time$/),
      expect.stringMatching(/^1 of 2 witnesses cosigned/),
    ])
    expect(openCosignatures(stored.checkpoint, verifiers())).toHaveLength(1)
  },
)

test("who is not named under the owner's signature is not dialled", async () => {
  const { place } = newCopy()
  const asked: string[] = []
  const url = await answering((request, response) => {
    asked.push(request.url ?? "")
    response.end()
  })
  await name(place, [{ url, vkey: vkeys[0]! }])
  const path = join(place.workspace.dir, witnessesConfigPath)
  writeFileSync(path, `${readFileSync(path, "utf8")}# changed\n`)
  const { warnings } = await run(place)
  expect(warnings).toEqual([expect.stringMatching(/^no witness was asked: witnesses\.yaml: /)])
  expect(asked).toEqual([])
})

test("a redirect leads nowhere", async () => {
  const { place } = newCopy()
  const elsewhere: string[] = []
  const target = await answering((request, response) => {
    elsewhere.push(request.url ?? "")
    response.end()
  })
  const url = await answering((_request, response) => {
    response.writeHead(307, { location: `${target}/add-checkpoint` }).end()
  })
  await name(place, [{ url, vkey: vkeys[0]! }])
  expect((await run(place)).warnings).toEqual([
    expect.stringMatching(/status 307$/),
    expect.stringMatching(/^0 of 1/),
  ])
  expect(elsewhere).toEqual([])
})

test("a witness that is thought to hold another size is asked again once", async () => {
  const { place, dirs } = newCopy()
  const served = await serve(place, dirs[0]!)
  await name(place, [served])
  await run(place)
  const file = join(place.workspace.state.folderOf(place.workspace.workspace), "witness-sizes.json")
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
    sizes: { [vkeys[0]!]: expect.any(Number) },
  })
  const sizes = [{}, { [vkeys[0]!]: 1_000_000 }]
  const texts = sizes.map((each) => JSON.stringify({ schema: "amc.witness-sizes/v1", sizes: each }))
  for (const text of [...texts, "broken"]) {
    writeFileSync(file, text)
    expect((await run(place)).warnings).toEqual([])
  }
  let told = 0
  const liar = await answering((_request, response) => {
    told += 1
    response.writeHead(409, { "content-type": "text/x.tlog.size" }).end(`${told}\n`)
  })
  await name(place, [{ url: liar, vkey: vkeys[1]! }])
  expect((await run(place)).warnings[0]).toMatch(/told another size each time$/)
  expect(told).toBe(2)
})

/** Puts an older copy of the whole place but its witnesses back. */
function putBack(place: Place, copy: string): void {
  for (const name of ["home", "state"]) {
    rmSync(join(place.top, name), { recursive: true })
    cpSync(join(copy, name), join(place.top, name), { recursive: true, preserveTimestamps: true })
  }
}

function keepAside(place: Place): string {
  const copy = temporaryFolder()
  for (const name of ["home", "state"])
    cpSync(join(place.top, name), join(copy, name), { recursive: true, preserveTimestamps: true })
  return copy
}

test("an older ledger, with all that this machine knew of it, is told by a witness (L10)", async () => {
  const { place, dirs } = newCopy()
  const served = await serve(place, dirs[0]!)
  await name(place, [served])
  await run(place)
  const older = keepAside(place)
  for (let more = 0; more < 3; more++) await run(place)
  putBack(place, older)
  expect((await run(place)).warnings).toEqual([
    expect.stringMatching(
      /^witness witness\.example\/w1 says that it cosigned \d+ events of this ledger, which has \d+: it is an older one, or another$/,
    ),
    expect.stringMatching(/^0 of 1/),
  ])
})

test("a fork by the same keys gets no cosignature, and the witness keeps the proof (L11, L12)", async () => {
  const { place, dirs } = newCopy()
  const served = await serve(place, dirs[0]!)
  await name(place, [served])
  await run(place)
  const older = keepAside(place)
  await run(place)
  putBack(place, older)
  // As many events as the witness knows, or more: only their content can tell.
  const warnings: string[] = []
  for (let more = 0; more < 3; more++) warnings.push(...(await run(place)).warnings)
  expect(warnings).toContainEqual(expect.stringMatching(/cosigned another history of this ledger$/))
  await served.close()
  const store = openWitnessStore(witnessFiles(dirs[0]!).memory)
  const origin = parseVkey(exportKeys(reopened(place), "vkey", clock()).trim()).name
  const kept = await store.contradictions(origin)
  await store.close()
  expect(kept.length).toBeGreaterThan(0)
  const verdict = await verify(place, policy("quorum a\n"))
  // The last honest checkpoint is cosigned still; what came after it is not.
  const covered = verdict.accepted ? verdict.value.witnessing?.covered : undefined
  const checkpoints = await withLedger(reopened(place), ({ events }) => events.checkpoints())
  expect(covered).toBeLessThan(checkpoints.at(-1)!.size)
})

test("at home too, a run by a key that was stolen later counts by its witnesses alone (L09)", async () => {
  const { place, dirs } = newCopy()
  await name(place, [await serve(place, dirs[0]!)])
  const { runId } = (await run(place)).stored
  const workspace = reopened(place)
  const owners = await rootSigners(workspace, { files: [], ask: null })
  const [monitor] = keysInUse(workspace.keyring, "monitor", clock())
  // A cosignature's second must be over before the theft.
  const later = (ms: number) => (): number => clock() + ms
  await revokeKeyOf(workspace, {
    kid: monitor!.kid,
    compromisedFromMs: later(2000)(),
    owners,
    clock: later(5000),
  })
  // What this machine saw itself would vouch as well.
  rmSync(join(workspace.state.dir, "trust"), { recursive: true })
  const fallen = async (text: string): Promise<readonly string[]> => {
    const verdict = await verify(place, policy(text))
    const findings = verdict.accepted ? [] : verdict.findings
    return findings.map(({ subject }) => subject).filter((subject) => subject.startsWith(runId))
  }
  expect(await fallen("quorum a\n")).toEqual([])
  expect(await fallen("quorum none\n")).not.toEqual([])
})

test("a witness's folder is private, whole or nothing, and never made twice", async () => {
  const dir = join(temporaryFolder(), "w")
  const terms = { host: "127.0.0.1", port: 0, logs: [], clock, warn: () => undefined }
  await expect(openWitness({ ...terms, dir })).rejects.toMatchObject({ code: "workspace/missing" })
  await expect(initWitness(dir, "a b")).rejects.toMatchObject({ code: "usage/invalid" })
  expect(existsSync(dir)).toBe(false)
  const vkey = await initWitness(dir, "w/1", lowestKdfCost)
  expect(readFileSync(witnessFiles(dir).vkey, "utf8")).toBe(`${vkey}\n`)
  for (const file of ["key", "passphrase", "memory"] as const)
    expect(statSync(witnessFiles(dir)[file]).mode & 0o077).toBe(0)
  await expect(initWitness(dir, "w/1")).rejects.toMatchObject({ code: "workspace/exists" })
  const half = join(temporaryFolder(), "half")
  mkdirSync(half)
  writeFileSync(witnessFiles(half).memory, "")
  await expect(initWitness(half, "w/1")).rejects.toMatchObject({ code: "workspace/exists" })
  expect(existsSync(witnessFiles(half).passphrase)).toBe(false)
  rmSync(witnessFiles(dir).memory)
  await expect(openWitness({ ...terms, dir })).rejects.toMatchObject({ code: "store/unavailable" })
  writeFileSync(witnessFiles(dir).vkey, `${vkeys[0]}\n`)
  await expect(openWitness({ ...terms, dir })).rejects.toMatchObject({ code: "input/malformed" })
})

test("the logs of a witness are named by their keys, with their origin or without", () => {
  const vkey = exportKeys(base.workspace, "vkey", clock()).trim()
  const { name: origin } = parseVkey(vkey)
  expect(parseLogs([vkey])).toEqual([parseVkey(vkey)])
  expect(parseLogs([origin, vkey, vkey])).toHaveLength(2)
  for (const words of [[], [origin], ["other/ledger", vkey], [`${vkey}x`], vkeys])
    expect(() => parseLogs(words)).toThrow(expect.objectContaining({ code: "usage/invalid" }))
})
