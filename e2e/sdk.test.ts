import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { bundlePaths, readArchive } from "@amc/bundle"
import { parseCheckpoint, parseNote } from "@amc/core"
import { TileReader } from "@amc/ledger"
import { FileTileStore } from "@amc/store-sqlite"
import { loadKeyring } from "@amc/vault"
import { verifyReceipt } from "@amc/verify"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type ModelServer, startModelServer } from "../examples/model-server/src/server.ts"
import { amc, amcJson, clone, run } from "./testing/amc.ts"
import { eventsOf, measuredOf, type StoredEvent } from "./testing/evidence.ts"
import { makePlace } from "./testing/place.ts"
import { startFrozen, type Upstream } from "./testing/upstream.ts"
import { addProvider, makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

const client = ["node", join(clone, "e2e/agents/sdk-client.ts")]
const paths = ["chat/completions", "chat/completions", "responses", "responses"]

interface Said {
  readonly said: readonly string[]
  readonly exchanges: readonly {
    readonly path: string
    readonly status: number
    readonly request_sha256: string
    readonly response_sha256: string
    readonly call_id: string
    readonly headers: Readonly<Record<string, string>>
  }[]
  readonly receipts: readonly { readonly request: string; readonly response: string }[]
}

let own: TestWorkspace
let model: ModelServer
let upstream: Upstream
let direct: Said
const wrapped: Said[] = []

beforeAll(async () => {
  own = await makeWorkspace()
  model = await startModelServer({ apiKey: own.providerKey, port: 0 })
  upstream = await startFrozen(model.url, own.providerKey)
  await addProvider(own, "frozen", upstream)
  const env = {
    ...own.env,
    OPENAI_BASE_URL: `${upstream.origin}/v1`,
    OPENAI_API_KEY: own.providerKey,
  }
  direct = readSaid(await run(client, { cwd: own.cwd, env }))
}, 240_000)

afterAll(async () => {
  await Promise.all([upstream?.close(), model?.close()])
  await own?.close()
})

function readSaid({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): Said {
  if (!stdout.startsWith("{")) throw new Error(`the client failed: ${stdout}${stderr}`)
  return JSON.parse(stdout) as Said
}

/** The events of one run of the client, by event hash. */
async function eventsByHash(agent: string): Promise<ReadonlyMap<string, StoredEvent>> {
  const events = await eventsOf(own.dir)
  return new Map(
    events.filter(({ event }) => event.agent === agent).map((stored) => [stored.hash, stored]),
  )
}

/** The checkpoint in the bundle of a run that is made now, and proofs in its tree. */
async function bundledProofs(agent: string) {
  const { data } = await amcJson(own, ["run", "--agent", agent])
  const out = join(own.top, `${agent}.amcbundle`)
  expect(
    await amcJson(own, [
      "bundle",
      "export",
      "--agent",
      agent,
      "--run",
      data.report.run_id,
      "--out",
      out,
    ]),
  ).toMatchObject({ exit: 0 })
  const files = await readArchive(new Uint8Array(readFileSync(out)))
  const checkpoint = new TextDecoder().decode(files.get(bundlePaths.checkpoint))
  const tree = new TileReader(
    new FileTileStore(join(own.dir, "ledger/tiles")),
    parseCheckpoint(parseNote(checkpoint).text).size,
  )
  return {
    checkpoint,
    proofOf: async (index: number) => ({ index, path: await tree.inclusion(index) }),
  }
}

test.each([
  { agent: "sdk-wrapped", words: ["wrap"], ingress: "gateway:loopback" },
  { agent: "sdk-boxed", words: ["sandbox", "run"], ingress: "gateway:run-socket" },
])(
  "the openai SDK gets through $ingress what it gets directly, with two durable events and receipts per call",
  { timeout: 180_000 },
  async ({ agent, words, ingress }) => {
    const before = upstream.arrived.length
    const ended = await amc(own, [
      ...words,
      "--agent",
      agent,
      "--provider",
      "frozen",
      "--",
      ...client,
    ])
    expect(ended.exit, ended.stderr).toBe(0)
    const through = readSaid(ended)
    wrapped.push(through)
    const shown = ({ exchanges }: Said) =>
      exchanges.map(({ path, status, request_sha256, response_sha256 }) => ({
        path,
        status,
        request_sha256,
        response_sha256,
      }))

    expect(through.exchanges.map(({ path }) => path)).toEqual(paths)
    expect(shown(through)).toEqual(shown(direct))
    expect(through.said).toEqual(direct.said)
    const arrived = upstream.arrived.slice(before)
    expect(arrived.map(({ headers }) => headers.authorization)).toEqual(
      paths.map(() => `Bearer ${own.providerKey}`),
    )
    expect(
      arrived.flatMap(({ headers }) =>
        Object.keys(headers).filter((name) => name.startsWith("x-amc")),
      ),
    ).toEqual([])

    const events = await eventsByHash(agent)
    const types = [...events.values()].filter(({ event }) => event.type.startsWith("llm_"))
    expect(types.map(({ event }) => event.channel)).toEqual(types.map(() => ingress))
    expect(types.map(({ event }) => event.type).toSorted()).toEqual([
      ...paths.map(() => "llm_request"),
      ...paths.map(() => "llm_response"),
    ])
    const { checkpoint, proofOf } = await bundledProofs(agent)
    const keyring = loadKeyring(own.dir, own.root)
    for (const [
      at,
      { request_sha256, response_sha256, headers, call_id },
    ] of through.exchanges.entries()) {
      const { request, response } = through.receipts[at]!
      expect(headers).toMatchObject({
        "x-amc-request-receipt": request,
        "x-amc-request-id": call_id,
      })
      if (headers["x-amc-receipt"] !== undefined) expect(headers["x-amc-receipt"]).toBe(response)
      for (const [text, kind, body_sha256] of [
        [request, "llm_request", request_sha256],
        [response, "llm_response", response_sha256],
      ] as const) {
        const promised = verifyReceipt(text, { keyring })
        if (!promised.accepted) throw new Error(JSON.stringify(promised.findings))
        const { event_hash, lseq } = promised.value.receipt
        expect(promised.value.receipt).toMatchObject({
          kind,
          body_sha256,
          agent,
          provider: "frozen",
        })
        const kept = verifyReceipt(text, {
          keyring,
          leaf: events.get(event_hash)!.leaf,
          proof: await proofOf(lseq),
          checkpoint,
        })
        expect(kept).toMatchObject({
          accepted: true,
          value: { leafMatches: true, isIncluded: true },
        })
      }
    }
    expect(
      through.exchanges.filter(({ headers }) => headers["x-amc-receipt"] !== undefined).length,
    ).toBeGreaterThanOrEqual(2)
  },
)

test("no receipt counts under another workspace's keys, for another body or another event", async () => {
  const events = [...(await eventsByHash("sdk-wrapped")).values()]
  const [first, second] = events.filter(({ event }) => event.type === "llm_request")
  const { request } = wrapped[0]!.receipts[0]!
  const keyring = loadKeyring(own.dir, own.root)
  expect(verifyReceipt(request, { keyring, leaf: first!.leaf })).toMatchObject({ accepted: true })
  const refusals = [
    { leaf: second!.leaf, code: "receipt/another-event" },
    { body: new TextEncoder().encode("{}"), code: "receipt/another-body" },
  ]
  for (const { code, ...terms } of refusals)
    expect(verifyReceipt(request, { keyring, ...terms })).toMatchObject({
      accepted: false,
      findings: [{ code }],
    })
  const stranger = makePlace()
  try {
    const { data } = await amcJson(stranger, ["init"])
    expect(verifyReceipt(request, { keyring: loadKeyring(data.dir, data.root) })).toMatchObject({
      accepted: false,
      findings: [{ code: "receipt/refused" }],
    })
  } finally {
    stranger.remove()
  }
})

test("neither the provider's key nor a lease is in the ledger", async () => {
  const events = await eventsOf(own.dir)
  expect(measuredOf(events, "lease")).toHaveLength(4)
  for (const name of readdirSync(join(own.dir, "ledger"), {
    recursive: true,
    withFileTypes: true,
  }).filter((entry) => entry.isFile())) {
    const bytes = readFileSync(join(name.parentPath, name.name))
    expect(bytes.includes(own.providerKey), name.name).toBe(false)
    expect(bytes.includes("amc-lease-"), name.name).toBe(false)
  }
})
