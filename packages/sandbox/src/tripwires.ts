import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server, type Socket } from "node:net"
import path from "node:path"

/** Where tripwires are laid, and for whom. */
export interface TripwirePlace {
  /** A folder that no agent may read, such as the vault's. */
  readonly besideVault: string
  /** A folder with a socket that no agent may reach, such as the notary's. */
  readonly besideNotary: string
  readonly agentUid: number
}

/** Things that nobody has a reason to touch while an agent runs. */
export interface Tripwires {
  /** What the file beside the vault holds. Wherever else it turns up, that file was read. */
  readonly canary: string
  /** How often one was touched. */
  readonly hits: number
  close(): Promise<void>
}

/**
 * Lays a file beside the vault, a socket beside the notary's and a port on the host's loopback, all of them
 * new and named to nobody. `onHit` is called with what was touched. A connection to the port that comes from a
 * known user of this host, other than the agent's, is no hit: many programs try all ports.
 */
export async function layTripwires(
  place: TripwirePlace,
  onHit: (what: string) => void,
): Promise<Tripwires> {
  const canary = randomBytes(32).toString("hex")
  const name = randomBytes(6).toString("hex")
  const file = path.join(place.besideVault, `canary-${name}`)
  const socket = path.join(place.besideNotary, `c-${name}`)
  let hits = 0
  const hit = (what: string): void => {
    hits++
    onHit(what)
  }
  writeFileSync(file, canary, { mode: 0o600, flag: "wx" })
  removeForgotten(place.besideVault, file)
  const servers: Server[] = []
  const close = async (): Promise<void> => {
    for (const used of [file, socket]) rmSync(used, { force: true })
    await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  }
  try {
    servers.push(await listen({ path: socket }, () => hit("a socket beside the notary's")))
    const atPort = (connection: Socket): void => {
      if (isSuspect(connection, place.agentUid)) hit("a port on the host's loopback")
    }
    servers.push(await listen({ host: "127.0.0.1", port: 0 }, atPort))
  } catch (error) {
    await close()
    throw error
  }
  return {
    canary,
    get hits() {
      return hits
    },
    close,
  }
}

const dayMs = 86_400_000

/** What a monitor that was killed could not take away. Those of sessions that still run are younger. */
function removeForgotten(folder: string, ours: string): void {
  const { mtimeMs } = lstatSync(ours)
  for (const name of readdirSync(folder).filter((each) => /^canary-[0-9a-f]{12}$/.test(each))) {
    const other = path.join(folder, name)
    const age = mtimeMs - (lstatSync(other, { throwIfNoEntry: false })?.mtimeMs ?? mtimeMs)
    if (age > 7 * dayMs) rmSync(other, { force: true })
  }
}

async function listen(
  at: { path: string } | { host: string; port: number },
  onConnection: (connection: Socket) => void,
): Promise<Server> {
  const server = createServer((connection) => {
    onConnection(connection.on("error", () => {}))
    connection.destroy()
  })
  server.listen(at)
  await once(server, "listening")
  return server.unref()
}

/** Whether the agent's user holds the other end, or nobody whom this host knows. */
function isSuspect({ remoteAddress, remotePort, localPort }: Socket, agentUid: number): boolean {
  const uid = remoteAddress === "127.0.0.1" ? uidOf(remotePort ?? 0, localPort ?? 0) : null
  return uid === null || uid === agentUid
}

/** Who owns the socket on the loopback from one port to another, by the kernel's table. */
export function uidOf(from: number, to: number, table = "/proc/net/tcp"): number | null {
  const end = (port: number): string =>
    `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`
  const lines = readFileSync(table, "latin1").split("\n")
  const fields = lines
    .map((line) => line.trim().split(/\s+/))
    .find((each) => each[1] === end(from) && each[2] === end(to))
  return fields?.[7] === undefined ? null : Number(fields[7])
}
