import { randomBytes } from "node:crypto"
import { createSocket, type Socket as DatagramSocket } from "node:dgram"
import { once } from "node:events"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:net"
import { networkInterfaces, tmpdir } from "node:os"
import path from "node:path"

/** Things that only the outside can reach, made for one probe. A box that reaches one is not a box. */
export interface Canaries {
  /** A text that nothing else holds. */
  readonly secret: string
  /** A file beside the vault. */
  readonly file: string
  /** A file that the controls may open for writing, and its folder. */
  readonly scratch: string
  readonly socket: string
  /** The name of an abstract socket, without the zero byte in front. */
  readonly abstract: string
  readonly tcp: readonly { readonly host: string; readonly port: number }[]
  readonly udp: readonly { readonly host: string; readonly port: number }[]
  close(): Promise<void>
}

const mostHostAddresses = 8

/** Seeds the canaries. The listeners answer with the secret alone and live as long as the probe. */
export async function seedCanaries(besideVault: string): Promise<Canaries> {
  const secret = randomBytes(32).toString("hex")
  const file = path.join(besideVault, `canary-${secret.slice(0, 12)}`)
  writeFileSync(file, secret, { mode: 0o600, flag: "wx" })
  const folder = mkdtempSync(path.join(tmpdir(), "amc-canary-"))
  const scratch = path.join(folder, "scratch")
  writeFileSync(scratch, "", { mode: 0o600 })
  const addresses = ["127.0.0.1", ...hostAddresses()]
  const socket = path.join(folder, "canary.sock")
  const abstract = `amc-canary-${secret}`
  const local = await Promise.all(
    [{ path: socket }, { path: `\0${abstract}` }].map((at) => listen(secret, at)),
  )
  const tcp = await Promise.all(
    addresses.map((host) => listenOr(() => listen(secret, { host, port: 0 }))),
  )
  const udp = await Promise.all(addresses.map((host) => listenOr(() => echo(host))))
  const servers = [...local, ...tcp, ...udp].filter((server) => server !== null)
  return {
    secret,
    file,
    scratch,
    socket,
    abstract,
    tcp: placesOf(tcp),
    udp: placesOf(udp),
    close: async () => {
      rmSync(file, { force: true })
      rmSync(folder, { recursive: true, force: true })
      await Promise.all(
        servers.map((server) => new Promise<void>((done) => server.close(() => done()))),
      )
    },
  }
}

/** The host's own addresses; link-local ones would need a scope. */
function hostAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  const usable = all.filter(({ internal, address }) => !internal && !address.startsWith("fe80:"))
  return usable.map(({ address }) => address).slice(0, mostHostAddresses)
}

function placesOf(
  servers: readonly (Server | DatagramSocket | null)[],
): { host: string; port: number }[] {
  return servers.flatMap((server) => {
    const at = server?.address() ?? null
    return at === null || typeof at === "string" ? [] : [{ host: at.address, port: at.port }]
  })
}

async function listen(
  secret: string,
  at: { path: string } | { host: string; port: number },
): Promise<Server> {
  const server = createServer((socket) => socket.on("error", () => {}).end(secret))
  server.listen(at)
  await once(server, "listening")
  return server.unref()
}

async function echo(host: string): Promise<DatagramSocket> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4")
  socket.on("message", (bytes, { address, port }) => socket.send(bytes, port, address, () => {}))
  socket.bind(0, host)
  await once(socket, "listening")
  socket.on("error", () => {})
  return socket.unref()
}

/** An address that can't be listened on can't be a control either; what is left must hold one. */
async function listenOr<T>(start: () => Promise<T>): Promise<T | null> {
  try {
    return await start()
  } catch {
    return null
  }
}
