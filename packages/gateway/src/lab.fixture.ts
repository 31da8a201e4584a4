import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { type AddressInfo, connect, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  AmcError,
  factSchemas,
  mintReceipt,
  type ModelPrice,
  type Observation,
  type PublicKey,
  publicKeyFromRaw,
  type Recorded,
  type Recorder,
  sha256Hex,
  type Signer,
} from "@amc/core"
import { onTestFinished } from "vitest"
import {
  createGateway,
  defaultLimits,
  type Gateway,
  type GatewayLimits,
  LeaseBook,
  type LeaseTerms,
  PriceList,
  SecretScanner,
  type SessionSource,
  type Upstream,
} from "./index.ts"

/** A recorder in memory that refuses facts that break their schema and a digest of other bytes, and fails when it is told to. */
export class MemoryRecorder implements Recorder {
  readonly observations: Observation[] = []
  /** What happened, in order; upstreams write into it too. */
  readonly journal: string[] = []
  readonly key: PublicKey
  readonly #signer: Signer
  /** Called before each event; throwing makes the recorder fail. */
  before: (observation: Observation) => void | Promise<void> = () => undefined

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519")
    this.key = publicKeyFromRaw(Uint8Array.from(rawKey(publicKey)))
    this.#signer = { key: this.key, sign: (message) => sign(null, message, privateKey) }
  }

  async record(observation: Observation): Promise<Recorded> {
    await new Promise(setImmediate)
    await this.before(observation)
    factSchemas[observation.type].parse(observation.facts)
    checkDigest(observation)
    const lseq = this.observations.push(observation) - 1
    this.journal.push(`durable ${observation.type}`)
    const event_hash = createHash("sha256").update(`event ${lseq}`).digest("hex")
    const place = { event_hash, lane: "lane-1", lseq, aseq: lseq, ts: lseq }
    return { ...place, receipt: this.#receipt(observation, event_hash, lseq) }
  }

  /** The observations of one type. */
  of<T extends Observation["type"]>(type: T): Extract<Observation, { type: T }>[] {
    return this.observations.filter((each) => each.type === type) as never
  }

  #receipt({ receipt, agent, session, payload }: Observation, event_hash: string, lseq: number) {
    if (receipt === undefined) return null
    const where = { event_hash, lane: "lane-1", lseq, ts: lseq, origin: "lab/lane-1" }
    const what = {
      ...receipt,
      agent,
      session: session ?? "none",
      body_sha256: payload?.sha256 ?? "",
    }
    return mintReceipt({ v: 1, ...what, ...where, kid: this.key.kid }, this.#signer)
  }
}

function checkDigest({ payload }: Observation): void {
  if (payload?.isAsDelivered !== true || payload.blob === null) return
  if (!(payload.blob instanceof Uint8Array) || sha256Hex(payload.blob) !== payload.sha256)
    throw new Error("a payload is said to be stored as it was delivered, and is not")
}

function rawKey(key: KeyObject): Buffer {
  return Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url")
}

export type Handler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void

/** A provider on loopback. */
export class LabUpstream {
  readonly server: Server
  readonly requests: { method: string; url: string; headers: string[]; body: Buffer }[] = []
  connections = 0

  constructor(handler: Handler) {
    this.server = createServer((request, response) => {
      const pieces: Buffer[] = []
      request.on("data", (piece: Buffer) => pieces.push(piece))
      request.on("error", () => undefined)
      response.on("error", () => undefined)
      request.on("end", () => {
        const body = Buffer.concat(pieces)
        const { method = "", url = "", rawHeaders } = request
        this.requests.push({ method, url, headers: rawHeaders, body })
        handler(request, response, body)
      })
    })
    this.server.on("connection", () => this.connections++)
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }
}

export interface Lab {
  readonly gateway: Gateway
  readonly recorder: MemoryRecorder
  readonly leases: LeaseBook
  readonly upstream: LabUpstream
  readonly port: number
  readonly base: string
  readonly socketPath: string
  readonly spoolDir: string
  readonly token: string
  readonly key: string
  /** The gateway's clock. */
  readonly time: { now: number }
  issue(terms?: Partial<LeaseTerms>): string
  close(): Promise<void>
}

export interface LabTerms {
  readonly handler?: Handler
  readonly limits?: Partial<GatewayLimits>
  readonly upstream?: Partial<Upstream>
  readonly spoolDir?: string
  readonly sessions?: SessionSource
  readonly prices?: readonly ModelPrice[]
}

/** A gateway with a provider behind it, a lease for it, and evidence in memory. */
export async function openLab(terms: LabTerms = {}): Promise<Lab> {
  const { handler, limits, upstream: more } = terms
  const upstream = new LabUpstream(handler ?? ((_request, response) => response.end("{}")))
  await new Promise<void>((resolve) => upstream.server.listen(0, "127.0.0.1", resolve))
  const recorder = new MemoryRecorder()
  const folder = mkdtempSync(join(tmpdir(), "amc-gateway-"))
  const key = `sk-provider-${randomBytes(12).toString("hex")}`
  const time = { now: 1_000_000 }
  const clock = (): number => time.now
  const leases = new LeaseBook(randomBytes, clock)
  const provider: Upstream = {
    id: "openai",
    origin: upstream.origin,
    basePath: "/v1",
    key: Buffer.from(key),
    loopback: true,
    ...more,
  }
  const gateway = createGateway({
    recorder,
    leases,
    providers: new Map([["openai", provider]]),
    clock,
    random: randomBytes,
    limits: { ...defaultLimits, ...limits },
    spoolDir: terms.spoolDir ?? folder,
    secrets: new SecretScanner([Buffer.from(key)]),
    monitorKid: recorder.key.kid,
    ...(terms.sessions === undefined ? {} : { sessions: terms.sessions }),
    prices: new PriceList(terms.prices, []),
  })
  const socketPath = join(folder, "gateway.sock")
  const port = await gateway.listen({ port: 0, host: "127.0.0.1" }, "loopback")
  await gateway.listen({ socketPath }, "run-socket", "session-1")
  const issue = (terms: Partial<LeaseTerms> = {}): string =>
    leases.issue({
      agent: "agent-1",
      session: "session-1",
      providers: ["openai"],
      ingress: "loopback",
      ttlMs: 60_000,
      ...terms,
    }).token
  return {
    gateway,
    recorder,
    leases,
    upstream,
    port: port ?? 0,
    base: `http://127.0.0.1:${port}/openai`,
    socketPath,
    spoolDir: folder,
    token: issue(),
    key,
    time,
    issue,
    close: async () => {
      await gateway.close()
      upstream.server.closeAllConnections()
      await new Promise((resolve) => upstream.server.close(resolve))
      rmSync(folder, { recursive: true })
    },
  }
}

/** {@link openLab} for one test, after which it is closed. */
export async function lab(terms: LabTerms = {}): Promise<Lab> {
  const opened = await openLab(terms)
  onTestFinished(() => opened.close())
  return opened
}

/** Sends raw bytes and gives all that came back, with how the connection ended. */
export function talk(
  at: { port: number } | { path: string },
  bytes: string | Uint8Array,
  onData: (all: string, socket: Socket) => void = () => undefined,
): Promise<{ text: string; isReset: boolean }> {
  return new Promise((resolve) => {
    const socket = "port" in at ? connect(at.port, "127.0.0.1") : connect(at.path)
    let text = ""
    let isReset = false
    socket.on("connect", () => socket.write(bytes))
    socket.on("data", (piece) => {
      text += piece.toString("latin1")
      onData(text, socket)
    })
    socket.on("error", () => (isReset = true))
    socket.on("end", () => socket.end())
    socket.on("close", () => resolve({ text, isReset }))
  })
}

/** A request as raw bytes; the connection closes after it. */
export function rawRequest(
  method: string,
  url: string,
  headers: Record<string, string>,
  body = "",
): string {
  const fields = { host: "gateway", connection: "close", ...headers }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
  if (body !== "") lines.push(`content-length: ${Buffer.byteLength(body)}`)
  return [`${method} ${url} HTTP/1.1`, ...lines, "", body].join("\r\n")
}

/** What is stored of an observation's body. */
export function storedText({ payload }: Observation): string | null {
  const blob = payload?.blob ?? null
  if (blob === null) return null
  const bytes = "path" in blob ? readFileSync(blob.path) : blob
  return Buffer.from(bytes as Uint8Array).toString("utf8")
}

/** The failure that a full disk gives. */
export function diskFull(): never {
  throw new AmcError("store/unavailable", "the ledger can't be written")
}

export function sha256(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex")
}
