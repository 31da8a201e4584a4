import { execFileSync } from "node:child_process"
import { lstatSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import {
  Keyring,
  type MeasuredFacts,
  type Observation,
  openReceipt,
  parseTilePath,
  sha256Hex,
  systemAgent,
  tilePath,
  utf8,
  vkey,
  parseVkey,
  type Verdict,
} from "@amc/core"
import { openSession, readPublished, TileReader } from "@amc/ledger"
import { FileTileStore } from "@amc/store-sqlite"
import { exitOf } from "@amc/verify"
import Database from "better-sqlite3"
import { beforeAll, describe, expect, onTestFinished, test, vi } from "vitest"
import { type Capture, openCapture } from "./capture.ts"
import { parseEventName } from "./event-place.ts"
import { exportTiles } from "./export-tiles.ts"
import { fsckLedger } from "./fsck.ts"
import { withLedger } from "./ledger-reader.ts"
import { proveEvent } from "./prove-event.ts"
import { readSeen } from "./seen-ledger.ts"
import { showEvent } from "./show-event.ts"
import { type TailedEvent, tailLedger, type TailTerms } from "./tail-ledger.ts"
import { tileFolder, tileStoreOf } from "./tile-folder.ts"
import { serveTiles } from "./tile-server.ts"
import { recallTrust } from "./verifier-memory.ts"
import { verifyProofHere } from "./verify-proof.ts"
import { verifyWorkspace } from "./verify-workspace.ts"
import {
  copyOf,
  newPlace,
  now,
  type Place,
  reopened,
  temporaryFolder,
} from "./workspace.fixture.ts"
import { StateHome } from "./state-home.ts"
import type { Workspace } from "./workspace.ts"

const clock = (): number => now
const body = utf8('{"model":"m-1"}')
const events = 300

/** A workspace with more events than one tile holds, published, and a receipt of one of them. */
let used: Place
let receipt: string
let middle: number

beforeAll(async () => {
  used = await newPlace()
  await captured(used, async ({ recorder, checkpoint }) => {
    await openSession(recorder, session, opening)
    const recorded = await recorder.record(llmRequest)
    receipt = recorded.receipt ?? ""
    middle = recorded.lseq
    await checkpoint()
    await Promise.all(Array.from({ length: events }, (_, n) => recorder.record(auditOf(n))))
  })
  return () => rmSync(used.top, { recursive: true })
})

const session = { agent: "a1", session: "s1" }

const llmRequest: Observation = {
  ...session,
  type: "llm_request",
  channel: "gateway:run-socket",
  facts: {
    measured: {
      call_id: "c1",
      provider: "openai",
      upstream: "https://api.openai.com",
      method: "POST",
      body_bytes: body.length,
      secrets_found: 0,
      facts_truncated: false,
    },
    reported: {
      path: "/v1/chat/completions",
      format: "openai.chat",
      model: "m-1",
      stream: false,
      tools: 0,
    },
  },
  payload: { sha256: sha256Hex(body), size: body.length, media: "application/json", blob: body },
  receipt: { kind: "llm_request", receipt_id: "r-1", provider: "openai", model: "m-1" },
}

const opening: MeasuredFacts<"session_open"> = {
  kind: "sandbox",
  driver: "bubblewrap",
  providers: [{ provider: "openai", upstream: "https://api.openai.com", loopback: false }],
  command_sha256: "11".repeat(32),
  work_sha256: "22".repeat(32),
  max_calls: 100,
  max_duration_ms: 600_000,
}

function auditOf(n: number): Observation {
  const measured = { code: "CONFIG_UNSIGNED", subject: `s${n}`, detail: "for a test" } as const
  return {
    type: "audit",
    channel: "recorder",
    agent: systemAgent,
    session: null,
    facts: { measured, reported: {} },
  }
}

async function captured<T>(
  place: Place,
  use: (capture: Capture) => Promise<T>,
  checkpointEveryMs = 60_000,
): Promise<T> {
  const capture = await openCapture(reopened(place), { clock, checkpointEveryMs })
  try {
    return await use(capture)
  } finally {
    await capture.close()
  }
}

const codes = (verdict: Verdict<unknown>): string[] =>
  verdict.accepted ? [] : verdict.findings.map(({ code }) => code)

async function publishedSize({ workspace }: Place): Promise<number> {
  return (await readPublished(tileStoreOf(workspace)))?.size ?? 0
}

async function fsck(
  { workspace }: Place,
  rebuilds = false,
): Promise<Awaited<ReturnType<typeof fsckLedger>>> {
  return fsckLedger(workspace, { rebuilds, clock: () => now, progress: () => undefined })
}

test("a capture ends with all that it recorded covered, kept, remembered and published", async () => {
  const { workspace } = used
  const size = await publishedSize(used)
  const kept = await withLedger(workspace, ({ events: store }) => store.latestCheckpoint())
  expect(kept?.size).toBe(size)
  expect(
    await withLedger(workspace, async ({ events: store }) => (await store.head("main"))?.lseq),
  ).toBe(size - 1)
  expect(readSeen(workspace)?.checkpoint?.size).toBe(size)
  expect(recallTrust(workspace.state, workspace.rootSha256)?.pins.at(-1)).toMatchObject({
    size,
    seen_ms: now,
  })
  expect((await fsck(used)).verdict).toMatchObject({
    accepted: true,
    value: { events: size, published: size, behind: 0 },
  })
})

test("while it goes on, checkpoints are made by a thread of their own", async () => {
  const place = copyOf(used)
  const before = await publishedSize(place)
  await captured(
    place,
    async ({ recorder }) => {
      for (let n = 0; n < 3; n++) {
        const { lseq } = await recorder.record(auditOf(n))
        await vi.waitFor(async () => expect(await publishedSize(place)).toBeGreaterThan(lseq), {
          timeout: 20_000,
        })
      }
    },
    10,
  )
  expect(await publishedSize(place)).toBeGreaterThan(before + 2)
  expect((await fsck(place)).verdict).toMatchObject({ accepted: true })
})

test("tiles that can't be written are an audit and fail neither capture nor run", async () => {
  const place = copyOf(used)
  rmSync(tileFolder(place.workspace), { recursive: true })
  writeFileSync(tileFolder(place.workspace), "in the way")
  await captured(place, async ({ recorder, checkpoint }) => {
    await recorder.record(auditOf(1))
    expect((await checkpoint()).checkpoint.size).toBeGreaterThan(events)
  })
  const told = await tailed(place.workspace, { last: 5, type: "audit" })
  expect(told.map(({ event }) => (event.facts.measured as { code: string }).code)).toContain(
    "CHECKPOINT_FAILED",
  )
})

describe("a proof", () => {
  const state = (): StateHome => new StateHome({ XDG_STATE_HOME: temporaryFolder() })

  async function proofOf(name: string): Promise<string> {
    const verdict = await proveEvent(used.workspace, parseEventName(name), now)
    if (!verdict.accepted) throw new Error(codes(verdict).join())
    return verdict.value.proof
  }

  function verify(
    proof: string,
    terms: Partial<Parameters<typeof verifyProofHere>[1]> = {},
  ): ReturnType<typeof verifyProofHere> {
    const { rootSha256 } = used.workspace
    const own = {
      state: state(),
      trust: { rootSha256 },
      nowMs: now,
      atMs: now,
      warn: () => undefined,
    }
    return verifyProofHere(utf8(proof), { ...own, ...terms })
  }

  test("of a receipt is checked elsewhere with the root's fingerprint, the receipt and the body", async () => {
    expect(verify(await proofOf(receipt), { receipt, body })).toMatchObject({
      accepted: true,
      value: {
        index: middle,
        body_matches: true,
        receipt: { receipt_id: "r-1" },
        event: { agent: "a1" },
      },
    })
  })

  test("of an event by number and by hash is the same", async () => {
    const { keyring } = used.workspace
    const { event_hash } = openReceipt(receipt, keyring.keys("monitor"))
    expect(await proofOf(event_hash)).toBe(await proofOf(`${middle}`))
    expect(await proofOf(`sha256:${event_hash}`)).toBe(await proofOf(`${middle}`))
  })

  test("is checked with the ledger's key alone", async () => {
    const { keyring, origin } = used.workspace
    const [key] = keyring.keys("ledger").values()
    const verifiers = [parseVkey(vkey(origin, key!))]
    expect(verify(await proofOf("5"), { trust: { verifiers } })).toMatchObject({
      accepted: true,
      value: { receipt: null },
    })
  })

  test("that was accepted is remembered, and a fork of that size is then found", async () => {
    const memory = state()
    const proof = await proofOf("5")
    expect(verify(proof, { state: memory })).toMatchObject({ accepted: true })
    expect(verify(proof, { state: memory, trust: null })).toMatchObject({ accepted: true })
    const { rootSha256, workspace } = used.workspace
    const path = join(memory.dir, "trust", `${rootSha256}.json`)
    writeFileSync(
      path,
      readFileSync(path, "utf8").replace(
        /"root_sha256":"[0-9a-f]{64}"/u,
        `"root_sha256":"${"ab".repeat(32)}"`,
      ),
    )
    const verdict = verify(proof, { state: memory })
    expect([codes(verdict), exitOf(verdict)]).toEqual([["ledger/forked"], 4])
    expect(workspace).not.toBe("")
  })

  test("without a root, and with none remembered, says who is to be asked", () => {
    expect(() => verify("nothing", { trust: null })).toThrow(
      expect.objectContaining({ code: "usage/invalid" }),
    )
  })

  test("of an event that is not covered yet is not given, and the finding says so", async () => {
    const place = copyOf(used)
    await captured(place, async ({ recorder }) => {
      const { lseq } = await recorder.record(auditOf(1))
      const verdict = await proveEvent(place.workspace, { lseq }, now)
      expect([codes(verdict), exitOf(verdict)]).toEqual([["ledger/not-covered"], 1])
    })
  })

  test.each(["999999", "ab".repeat(32)])("there is none of %s", async (name) => {
    await expect(proveEvent(used.workspace, parseEventName(name), now)).rejects.toMatchObject({
      code: "ledger/no-event",
    })
  })

  test("of a text that is nobody's receipt is refused", async () => {
    await expect(proveEvent(used.workspace, parseEventName("hello"), now)).rejects.toMatchObject({
      code: "input/malformed",
    })
  })

  test("R02 a receipt whose event is gone shows that the ledger was changed", async () => {
    const place = copyOf(used)
    rewrite(place, (db) => db.exec(`DELETE FROM evidence_events WHERE lseq >= ${middle}`))
    const gone = { findings: [{ code: "receipt/event-gone", tampered: true }] }
    expect(await proveEvent(place.workspace, { receipt }, now)).toMatchObject(gone)
    expect(await showEvent(place.workspace, { receipt })).toMatchObject(gone)
  })

  test("a receipt by a stolen key whose event is not there shows nothing", async () => {
    const { certificates, roots, revocations } = used.workspace.keyring
    const [kid = ""] = used.workspace.keyring.keys("monitor").keys()
    const stolen = { kid, reason: "compromised", from_index: null, from_ms: 0 } as const
    const revoked = { ...revocations, revoked: new Map([[kid, stolen]]) }
    const keyring = new Keyring(roots, revoked, [...certificates.values()])
    const place = copyOf(used)
    rewrite(place, (db) => db.exec(`DELETE FROM evidence_events WHERE lseq >= ${middle}`))
    const workspace = { ...place.workspace, keyring }
    expect(await showEvent(workspace, { receipt })).toMatchObject({
      findings: [{ code: "trust/key-compromised", tampered: false }],
    })
  })

  test("is not made from tiles that are missing or were changed", async () => {
    const place = copyOf(used)
    const path = join(tileFolder(place.workspace), "tile/0/000")
    const tile = readFileSync(path)
    tile[33]! ^= 1
    writeFileSync(path, tile)
    expect(codes(await proveEvent(place.workspace, { lseq: 0 }, now))).toEqual([
      "proof/not-included",
    ])
    rmSync(path)
    await expect(proveEvent(place.workspace, { lseq: 0 }, now)).rejects.toMatchObject({
      code: "store/damaged",
    })
  })
})

function rewrite({ workspace }: Place, change: (db: Database.Database) => void): void {
  const db = new Database(join(workspace.dir, "ledger", "ledger.sqlite"))
  db.exec("DROP TRIGGER evidence_events_no_update; DROP TRIGGER evidence_events_no_delete")
  change(db)
  db.close()
}

describe("fsck and verify", () => {
  async function verdicts(place: Place): Promise<[number, number]> {
    const whole = await verifyWorkspace(place.folder, place.workspace.state, {
      clock,
      progress: () => undefined,
    })
    return [exitOf((await fsck(place)).verdict), exitOf(whole)]
  }

  test.each<{ why: string; change: (place: Place) => void; exit: number }>([
    {
      why: "L26 a row whose triggers were dropped and whose leaf was changed",
      change: (place) =>
        rewrite(place, (db) =>
          db.exec(`UPDATE evidence_events SET leaf = CAST(leaf || x'00' AS BLOB) WHERE lseq = 9`),
        ),
      exit: 4,
    },
    {
      why: "L03 the last events cut off",
      change: (place) =>
        rewrite(place, (db) => db.exec(`DELETE FROM evidence_events WHERE lseq > 100`)),
      exit: 4,
    },
    {
      why: "a tile that was changed",
      change: (place) =>
        writeFileSync(join(tileFolder(place.workspace), "tile/0/000"), new Uint8Array(8192)),
      exit: 4,
    },
    {
      why: "an entry bundle that was cut",
      change: (place) => writeFileSync(join(tileFolder(place.workspace), "tile/entries/000"), "x"),
      exit: 4,
    },
    {
      why: "a tile that is missing",
      change: (place) => rmSync(join(tileFolder(place.workspace), "tile/0/000")),
      exit: 1,
    },
    {
      why: "a checkpoint that is none",
      change: (place) => writeFileSync(join(tileFolder(place.workspace), "checkpoint"), "none"),
      exit: 1,
    },
  ])("both find $why", async ({ change, exit }) => {
    const place = copyOf(used)
    change(place)
    expect(await verdicts(place)).toEqual([exit, exit])
  })

  test("missing tiles are written again, byte by byte, and one that was changed stays", async () => {
    const place = copyOf(used)
    const folder = tileFolder(place.workspace)
    const before = filesIn(folder)
    rmSync(join(folder, "tile"), { recursive: true })
    const { written, verdict } = await fsck(place, true)
    expect(verdict).toMatchObject({ accepted: true })
    expect(written.length).toBeGreaterThan(3)
    const kept = Object.keys(filesIn(folder)).filter((path) => path !== "checkpoint")
    for (const path of kept) expect(filesIn(folder)[path]).toBe(before[path])
    writeFileSync(join(folder, "tile/0/000"), new Uint8Array(8192))
    expect(exitOf((await fsck(place, true)).verdict)).toBe(4)
    expect(readFileSync(join(folder, "tile/0/000")).every((byte) => byte === 0)).toBe(true)
  })

  test("a folder of tiles that is gone is published again, from the checkpoint that was kept", async () => {
    const place = copyOf(used)
    const size = await publishedSize(place)
    rmSync(tileFolder(place.workspace), { recursive: true })
    expect((await fsck(place)).verdict).toMatchObject({
      accepted: true,
      value: { published: null },
    })
    expect((await fsck(place, true)).verdict).toMatchObject({
      accepted: true,
      value: { published: size },
    })
  })

  test("both work beside a capture, and writing tiles does not", async () => {
    const place = copyOf(used)
    await captured(place, async ({ recorder }) => {
      await recorder.record(auditOf(1))
      expect(await verdicts(place)).toEqual([0, 0])
      await expect(fsck(place, true)).rejects.toMatchObject({ code: "ledger/lane-taken" })
    })
  })
})

function filesIn(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return Object.fromEntries(
    names.map(({ parentPath, name }) => {
      const path = join(parentPath, name)
      return [path.slice(folder.length + 1), sha256Hex(readFileSync(path))]
    }),
  )
}

test.each([
  { why: "a pipe for a tile", path: "tile/0/000", code: "tiles/contradicted" },
  { why: "a pipe for entries", path: "tile/entries/000", code: "tiles/contradicted" },
  { why: "a pipe for the checkpoint", path: "checkpoint", code: "ledger/checkpoint" },
  { why: "a file of 3 GB", path: "tile/0/000", code: "tiles/contradicted", size: 3 * 2 ** 30 },
])("fsck finds $why, and leaves it where it is", async ({ path, code, size }) => {
  const place = copyOf(used)
  const file = join(tileFolder(place.workspace), path)
  if (size === undefined) {
    rmSync(file)
    execFileSync("mkfifo", [file])
  } else truncateSync(file, size)
  for (const rebuilds of [false, true]) {
    const { verdict } = await fsck(place, rebuilds)
    expect(codes(verdict)).toContain(code)
    expect(exitOf(verdict)).toBe(4)
  }
  const seen = lstatSync(file)
  expect([seen.isFIFO(), seen.size]).toEqual([size === undefined, size ?? 0])
})

describe("an export", () => {
  test("is a whole tree by itself, and grows with the next one", async () => {
    const place = copyOf(used)
    const folder = join(temporaryFolder(), "public")
    const first = await exportTiles(place.workspace, folder, () => undefined)
    const tiles = new FileTileStore(folder)
    expect(Buffer.from(await new TileReader(tiles, first.size).root()).toString("hex")).toBe(
      first.root_sha256,
    )
    expect((await exportTiles(place.workspace, folder, () => undefined)).written).toBe(0)
    await captured(place, async ({ recorder }) => {
      await Promise.all(Array.from({ length: 250 }, (_, n) => recorder.record(auditOf(n))))
    })
    const second = await exportTiles(reopened(place), folder, () => undefined)
    expect(second.size).toBeGreaterThan(first.size + 249)
    expect(Buffer.from(await new TileReader(tiles, second.size).root()).toString("hex")).toBe(
      second.root_sha256,
    )
    for (const path of Object.keys(filesIn(folder)))
      if (path !== "checkpoint") expect(tilePath(parseTilePath(path))).toBe(path)
  })

  test.each([
    { why: "another tile", path: "tile/0/000" },
    { why: "a pipe for a tile", path: "tile/entries/000", isPipe: true },
    { why: "a pipe for the checkpoint", path: "checkpoint", isPipe: true },
  ])("leaves $why of an earlier export as it is, and says what to do", async (harm) => {
    const folder = join(temporaryFolder(), "public")
    await exportTiles(used.workspace, folder, () => undefined)
    rmSync(join(folder, harm.path))
    if (harm.isPipe === true) execFileSync("mkfifo", [join(folder, harm.path)])
    else writeFileSync(join(folder, harm.path), "other")
    await expect(exportTiles(used.workspace, folder, () => undefined)).rejects.toMatchObject({
      code: "usage/invalid",
      hint: expect.stringContaining("--out") as unknown,
    })
  })

  test("does not go into a folder of something else", async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, "notes"), "mine")
    await expect(exportTiles(used.workspace, folder, () => undefined)).rejects.toMatchObject({
      code: "usage/invalid",
    })
  })

  test("of entries that were changed hands out no checkpoint", async () => {
    const place = copyOf(used)
    const path = join(tileFolder(place.workspace), "tile/entries/000")
    const bundle = readFileSync(path)
    bundle[700]! ^= 1
    writeFileSync(path, bundle)
    const folder = join(temporaryFolder(), "public")
    await expect(exportTiles(place.workspace, folder, () => undefined)).rejects.toMatchObject({
      code: "store/damaged",
    })
    expect(Object.keys(filesIn(folder))).not.toContain("checkpoint")
  })

  test("of a ledger that was never published says what to do", async () => {
    const place = copyOf(used)
    rmSync(tileFolder(place.workspace), { recursive: true })
    await expect(
      exportTiles(place.workspace, join(place.top, "public"), () => undefined),
    ).rejects.toMatchObject({ code: "ledger/not-published" })
  })
})

async function tailed(workspace: Workspace, terms: TailTerms): Promise<TailedEvent[]> {
  const told: TailedEvent[] = []
  await tailLedger(workspace, terms, (event) => told.push(event))
  return told
}

describe("tail", () => {
  test("gives the last events in order", async () => {
    const told = await tailed(used.workspace, { last: 3 })
    const size = await publishedSize(used)
    expect(told.map(({ event }) => event.lseq)).toEqual([size - 3, size - 2, size - 1])
  })

  test("gives those of an agent, of a type, and of both", async () => {
    expect(
      (await tailed(used.workspace, { last: 9, agent: "a1" })).map(({ event }) => event.type),
    ).toEqual(["session_open", "llm_request"])
    expect(
      (await tailed(used.workspace, { last: 2, type: "audit" })).map(({ event }) => event.type),
    ).toEqual(["audit", "audit"])
    expect(await tailed(used.workspace, { last: 9, type: "audit", agent: "a1" })).toEqual([])
    expect(await tailed(used.workspace, { last: 9, agent: "nobody" })).toEqual([])
  })

  test("goes on with what is recorded, until it is told to end", async () => {
    const place = copyOf(used)
    const stop = new AbortController()
    const told: TailedEvent[] = []
    await captured(place, async ({ recorder }) => {
      const tailing = tailLedger(
        place.workspace,
        { last: 0, agent: systemAgent, until: stop.signal },
        (event) => told.push(event),
      )
      const { event_hash } = await recorder.record(auditOf(1))
      await vi.waitFor(() => expect(told.map((one) => one.event_hash)).toContain(event_hash), {
        timeout: 20_000,
      })
      stop.abort()
      await tailing
    })
  })
})

describe("show", () => {
  test("gives an event with the state of its signature", async () => {
    expect(await showEvent(used.workspace, { lseq: middle })).toMatchObject({
      value: {
        signature: "valid",
        covered: true,
        stored_bytes: body.length,
        event: { type: "llm_request" },
      },
    })
  })

  test("L27 says of an event whose signature was replaced that it is invalid", async () => {
    const place = copyOf(used)
    rewrite(place, (db) => {
      db.exec(
        `UPDATE evidence_events SET signature =
           (SELECT signature FROM evidence_events WHERE lseq = 0) WHERE lseq = 9`,
      )
    })
    expect(await showEvent(place.workspace, { lseq: 9 })).toMatchObject({
      value: { signature: "invalid" },
    })
  })
})

describe("the server", () => {
  interface Answer {
    readonly status: number
    readonly headers: Readonly<Record<string, unknown>>
    readonly body: Uint8Array
  }

  async function served(): Promise<
    (path: string, terms?: { method?: string; host?: string }) => Promise<Answer>
  > {
    const server = await serveTiles(tileStoreOf(used.workspace), { host: "127.0.0.1", port: 0 })
    onTestFinished(() => server.close())
    const { port } = new URL(server.url)
    return (path, { method = "GET", host = `127.0.0.1:${port}` } = {}) =>
      new Promise((resolve, reject) => {
        const asked = request(
          { host: "127.0.0.1", port, path, method, headers: { host } },
          (answer) => {
            const chunks: Buffer[] = []
            answer.on("data", (chunk: Buffer) => chunks.push(chunk))
            answer.on("end", () =>
              resolve({
                status: answer.statusCode ?? 0,
                headers: answer.headers,
                body: new Uint8Array(Buffer.concat(chunks)),
              }),
            )
          },
        )
        asked.on("error", reject)
        asked.end()
      })
  }

  test("gives the checkpoint, which is asked for anew each time, and tiles, which are kept for good", async () => {
    const get = await served()
    const checkpoint = await get("/checkpoint")
    expect(checkpoint).toMatchObject({
      status: 200,
      headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-cache" },
    })
    expect(Buffer.from(checkpoint.body).toString()).toBe(
      (await readPublished(tileStoreOf(used.workspace)))?.note,
    )
    const tile = await get("/tile/0/000")
    expect(tile).toMatchObject({
      status: 200,
      headers: {
        "content-type": "application/octet-stream",
        "cache-control": expect.stringContaining("immutable") as unknown,
      },
    })
    expect(tile.body).toHaveLength(8192)
    const size = await publishedSize(used)
    expect((await get(`/tile/entries/001.p/${size - 256}`)).status).toBe(200)
    expect((await get(`/tile/1/000.p/1`)).body).toHaveLength(32)
  })

  test("answers HEAD with the same headers and nothing else", async () => {
    const get = await served()
    const head = await get("/tile/0/000", { method: "HEAD" })
    expect([head.status, head.headers["content-length"], head.body.length]).toEqual([
      200,
      "8192",
      0,
    ])
  })

  test.each([
    "/",
    "/tile/0/001",
    "/tile/0/000?x",
    "/tile/0/000/",
    "//tile/0/000",
    "/tile/0/../../../vault.amcvault",
    "/tile/0/%2e%2e/000",
    "/../ledger.sqlite",
    "/ledger.sqlite",
    "/checkpoint/",
    "/checkpoint%00",
    "/.new-1-0",
    "/tile",
  ])("has nothing under %s", async (path) => {
    expect(await (await served())(path)).toMatchObject({ status: 404, body: new Uint8Array() })
  })

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])("takes no %s", async (method) => {
    expect(await (await served())("/checkpoint", { method })).toMatchObject({
      status: 405,
      headers: { allow: "GET, HEAD" },
    })
  })

  test.each(["evil.example", "evil.example:80", "127.0.0.1.evil.example"])(
    "answers no page that calls it %j",
    async (host) => {
      expect(await (await served())("/checkpoint", { host })).toMatchObject({
        status: 421,
        body: { length: 0 },
      })
    },
  )

  test.each(["localhost", "localhost:80", "[::1]:80"])("answers to %s", async (host) => {
    expect((await (await served())("/checkpoint", { host })).status).toBe(200)
  })

  test("says why it can't listen", async () => {
    await expect(
      serveTiles(tileStoreOf(used.workspace), { host: "203.0.113.1", port: 0 }),
    ).rejects.toMatchObject({ code: "usage/invalid" })
  })
})
