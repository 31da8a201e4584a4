import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { once } from "node:events"
import { createServer, type RequestListener } from "node:http"
import type { AddressInfo, ListenOptions } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import { probeBinary } from "../probe-binary.ts"
import type { ProbeTargets } from "../checks.ts"
import { rootModeUsers } from "../spec.ts"
import { makeRig, type Rig } from "./rig.ts"

/** A monitor with all that an agent must not reach, and an agent's place, for one column of the matrix. */
export interface Scene {
  readonly rig: Rig
  /** The probe, where every user can run it. */
  readonly probe: string
  /** A folder that the agent's user may write. */
  readonly work: string
  readonly targets: ProbeTargets
  /** The gateway on all of the host's addresses, as for agents that come by TCP. */
  readonly gatewayPort: number
  /** The same on a socket. */
  readonly gatewaySocket: string
  close(): Promise<void>
}

/** Makes the scene, in the network and mounts that this process lives in. */
export async function makeScene(): Promise<Scene> {
  const rig = await makeRig()
  const folder = mkdtempSync(path.join(tmpdir(), "amc-matrix-"))
  chmodSync(folder, 0o755)
  const probe = path.join(folder, "probe")
  copyFileSync(probeBinary().file, probe)
  const work = path.join(folder, "work")
  mkdirSync(work)
  chownSync(work, rootModeUsers.agent, rootModeUsers.agent)
  const token = path.join(rig.folder, "token")
  writeFileSync(token, "a token", { mode: 0o600 })
  const gatewaySocket = path.join(folder, "gateway.sock")
  const servers = await Promise.all([
    serve({ host: "0.0.0.0", port: 0 }, (_, response) => response.end("gateway")),
    serve({ path: gatewaySocket }, (_, response) => response.end("gateway")),
    serve({ host: "127.0.0.1", port: 0 }, (_, response) => response.end("studio")),
    serve({ path: path.join(rig.folder, "notary.sock") }, (_, response) => response.end()),
    // A host has its engine's socket here; the checks connect and say nothing.
    serve({ path: "/run/docker.sock" }, (_, response) => response.end()),
  ])
  const [gateway, , studio] = servers
  return {
    rig,
    probe,
    work,
    targets: {
      ...rig.targets,
      files: { ...rig.targets.files, token },
      sockets: { notary: path.join(rig.folder, "notary.sock") },
      ports: { studio: portOf(studio) },
    },
    gatewayPort: portOf(gateway),
    gatewaySocket,
    close: async () => {
      for (const server of servers) server.closeAllConnections()
      await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
      await rig.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function serve(at: ListenOptions, answer: RequestListener) {
  const server = createServer(answer)
  await once(server.listen(at), "listening")
  return server
}

function portOf(server: { address(): AddressInfo | string | null }): number {
  return (server.address() as AddressInfo).port
}
