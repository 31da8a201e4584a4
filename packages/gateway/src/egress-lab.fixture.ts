import { execFileSync } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  type EgressRule,
  type MovedConnection,
  type OpenedConnection,
  parseEgressRule,
} from "@amc/core"
import {
  createEgress,
  defaultEgressLimits,
  type Egress,
  type EgressLimits,
  LeaseBook,
  type LeaseTerms,
  SecretScanner,
} from "./index.ts"
import { MemoryRecorder } from "./lab.fixture.ts"

/** A host on loopback that does with each connection as it is told, and keeps what it got. */
export class LabHost {
  readonly server: Server
  readonly sockets = new Set<Socket>()
  connections = 0
  received = ""

  constructor(onConnection: (socket: Socket) => void = () => undefined) {
    this.server = createServer({ allowHalfOpen: true }, (socket) => {
      this.connections++
      this.sockets.add(socket)
      socket.on("close", () => this.sockets.delete(socket))
      socket.on("error", () => undefined)
      socket.on("data", (piece) => (this.received += piece.toString("latin1")))
      onConnection(socket)
    })
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }
}

export interface EgressLabTerms {
  readonly onConnection?: (socket: Socket) => void
  /** The host's name; `host.test` if left out. */
  readonly allow?: (port: number) => readonly string[]
  readonly exceptions?: readonly string[]
  /** Given the port of the host behind it. */
  readonly providers?: (port: number) => readonly string[]
  readonly names?: Readonly<Record<string, readonly string[] | (() => Promise<readonly string[]>)>>
  readonly limits?: Partial<EgressLimits>
  readonly ownPorts?: () => number[]
  readonly lease?: Partial<LeaseTerms>
}

export interface EgressLab {
  readonly egress: Egress
  readonly recorder: MemoryRecorder
  readonly leases: LeaseBook
  readonly host: LabHost
  readonly port: number
  readonly token: string
  readonly leaseId: string
  readonly socketPath: string
  readonly time: { now: number }
  readonly lookups: string[]
  /** The head of a CONNECT request with the lease. */
  connectHead(target: string, more?: readonly string[]): string
  /** What the evidence says of connections, whichever of them share an event. */
  opened(): OpenedConnection[]
  moved(): MovedConnection[]
  /** Resolves once so much of a type is there: audits, or connections in events. */
  recorded(type: "network_connect" | "network_traffic" | "audit", count: number): Promise<void>
  close(): Promise<void>
}

function rules(texts: readonly string[]): EgressRule[] {
  return texts.map((text) => {
    const rule = parseEgressRule(text)
    if (rule === null) throw new Error(`${text} is no rule`)
    return rule
  })
}

/** An egress proxy with one host behind it, a lease, and evidence in memory. */
export async function openEgressLab(terms: EgressLabTerms = {}): Promise<EgressLab> {
  const host = new LabHost(terms.onConnection)
  await new Promise<void>((resolve) => host.server.listen(0, "127.0.0.1", resolve))
  const recorder = new MemoryRecorder()
  const time = { now: 1_000_000 }
  const leases = new LeaseBook(randomBytes, () => time.now)
  const { token, lease } = leases.issue({
    agent: "agent-1",
    session: "session-1",
    providers: [],
    ingress: "loopback",
    ttlMs: 3_600_000,
    ...terms.lease,
  })
  const lookups: string[] = []
  const names: EgressLabTerms["names"] & {} = { "host.test": ["127.0.0.1"], ...terms.names }
  const egress = createEgress({
    recorder,
    leases,
    policy: {
      allow: rules(terms.allow?.(host.port) ?? [`host.test:${host.port}`]),
      exceptions: terms.exceptions ?? ["127.0.0.1/32"],
      providers: terms.providers?.(host.port) ?? [],
    },
    clock: () => time.now,
    random: randomBytes,
    limits: { ...defaultEgressLimits, ...terms.limits },
    secrets: new SecretScanner([Buffer.from(token)]),
    resolve: async (name) => {
      lookups.push(name)
      const found = names[name]
      if (found === undefined) throw new Error("ENOTFOUND")
      return typeof found === "function" ? found() : found
    },
    ...(terms.ownPorts === undefined ? {} : { ownPorts: terms.ownPorts }),
  })
  const port = (await egress.listen({ port: 0, host: "127.0.0.1" }, { ingress: "loopback" })) ?? 0
  const folder = mkdtempSync(join(tmpdir(), "amc-egress-"))
  const socketPath = join(folder, "egress.sock")
  const boxed = leases.issue({
    agent: "agent-2",
    session: "session-2",
    providers: [],
    ingress: "run-socket",
    ttlMs: 3_600_000,
  }).lease
  await egress.listen({ socketPath }, { ingress: "run-socket", session: "session-2", lease: boxed })
  const opened = (): OpenedConnection[] =>
    recorder.of("network_connect").flatMap(({ facts }) => facts.measured.connections)
  const moved = (): MovedConnection[] =>
    recorder.of("network_traffic").flatMap(({ facts }) => facts.measured.connections)
  return {
    egress,
    recorder,
    leases,
    host,
    port,
    token,
    leaseId: lease.id,
    socketPath,
    time,
    lookups,
    connectHead: (target, more = []) =>
      [
        `CONNECT ${target} HTTP/1.1`,
        `Host: ${target}`,
        `Proxy-Authorization: ${basic(token)}`,
        ...more,
        "",
        "",
      ].join("\r\n"),
    opened,
    moved,
    recorded: async (type, count) => {
      const lists = {
        network_connect: opened,
        network_traffic: moved,
        audit: () => recorder.of("audit"),
      }
      while (lists[type]().length < count) await new Promise(setImmediate)
    },
    close: async () => {
      await egress.close()
      for (const socket of host.sockets) socket.destroy()
      await new Promise((resolve) => host.server.close(resolve))
      rmSync(folder, { recursive: true })
    },
  }
}

export function basic(token: string): string {
  return `Basic ${Buffer.from(`agent:${token}`).toString("base64")}`
}

/** A key and a certificate of its own for `localhost` and `other.test`, as `key.pem` and `cert.pem` in a folder. */
export function makeCertificate(folder: string): { readonly key: Buffer; readonly cert: Buffer } {
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")]
  const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2
    -keyout ${key} -out ${certificate} -subj /CN=localhost
    -addext subjectAltName=DNS:localhost,DNS:other.test`
  execFileSync("openssl", words.split(/\s+/), { stdio: "ignore" })
  return { key: readFileSync(key), cert: readFileSync(certificate) }
}

/** A TLS ClientHello, of the parts that are looked at. */
export function helloFor(
  name: string | null,
  { extensions = [] as readonly Buffer[], pad = 0 } = {},
): Buffer {
  const all = [...(name === null ? [] : [sniExtension(name)]), ...extensions]
  if (pad > 0) all.push(extension(21, Buffer.alloc(pad)))
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    vector(2, Buffer.from([0x0a, 0x0a, 0x13, 0x01])),
    vector(1, Buffer.from([0])),
    vector(2, Buffer.concat(all)),
  ])
  return recordOf(handshakeOf(body))
}

function answerWith(random: Buffer): Buffer {
  const head = Buffer.concat([Buffer.from([3, 3]), random, Buffer.of(0, 0x13, 1, 0)])
  return recordOf(handshakeOf(Buffer.concat([head, vector(2, Buffer.alloc(6))]), 2))
}

/** A TLS server's answer to a hello, and the one by which it asks for another hello. */
export const serverHello: Buffer = answerWith(Buffer.alloc(32, 9))
export const retryRequest: Buffer = answerWith(
  createHash("sha256").update("HelloRetryRequest").digest(),
)

export function handshakeOf(body: Buffer, type = 1): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length)
  return Buffer.concat([Buffer.from([type]), length.subarray(1), body])
}

export function recordOf(fragment: Buffer, type = 22): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 1]), vector(2, fragment)])
}

export function extension(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(2)
  head.writeUInt16BE(type)
  return Buffer.concat([head, vector(2, data)])
}

export function sniExtension(name: string): Buffer {
  const entry = Buffer.concat([Buffer.from([0]), vector(2, Buffer.from(name, "latin1"))])
  return extension(0, vector(2, entry))
}

function vector(lengthSize: 1 | 2, bytes: Buffer): Buffer {
  const length = Buffer.alloc(lengthSize)
  length.writeUIntBE(bytes.length, 0, lengthSize)
  return Buffer.concat([length, bytes])
}

/** A client of a proxy that speaks in raw bytes. */
export class RawClient {
  readonly socket: Socket
  text = ""
  isReset = false
  readonly closed: Promise<void>

  constructor(at: number | string) {
    this.socket = typeof at === "number" ? connect(at, "127.0.0.1") : connect(at)
    this.socket.on("data", (piece) => (this.text += piece.toString("latin1")))
    this.socket.on("error", () => (this.isReset = true))
    this.closed = new Promise((resolve) => this.socket.once("close", () => resolve()))
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(bytes)
    return this
  }

  /** Resolves once what came holds a text. */
  async sees(text: string): Promise<string> {
    while (!this.text.includes(text)) {
      if (this.socket.destroyed) throw new Error(`closed after ${JSON.stringify(this.text)}`)
      await new Promise(setImmediate)
    }
    return this.text
  }

  /** All that came, once the other side is done. */
  async all(): Promise<string> {
    await this.closed
    return this.text
  }

  get status(): number {
    return Number(/^HTTP\/1\.\d (\d+)/.exec(this.text)?.[1] ?? 0)
  }
}
