import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { chownSync, readFileSync } from "node:fs"
import path from "node:path"
import { AmcError } from "@amc/core"
import { type HostFacts, relayUser } from "./host.ts"
import { inBox, type SandboxSpec } from "./spec.ts"
import { until } from "./until.ts"

/** The ways from the box's loopback to the run's sockets. */
export interface Relay {
  /** Resolves once the box can connect. */
  readonly listening: Promise<void>
  stop(): Promise<void>
}

/** What a relay is built from. */
export type RelayHost = Pick<HostFacts, "isRoot" | "tools" | "systemRoots">

/** A port of the box's loopback, and the socket that it leads to. */
export interface RelayWay {
  readonly port: number
  readonly socket: string
}

/** The box that the relay is to listen in. */
export interface RelayTarget {
  /** Bubblewrap's child, whose network namespace is the box's. */
  readonly boxPid: number
  /** The user namespace that owns that network; used only without root. */
  readonly userNamespaceFd: number
}

/** The ways that a box is promised. */
export function waysOf({ gatewaySocket, egressSocket }: SandboxSpec): readonly RelayWay[] {
  const ways = [
    { port: inBox.gatewayPort, socket: gatewaySocket },
    { port: inBox.egressPort, socket: egressSocket },
  ]
  return ways.flatMap(({ port, socket }) => (socket === null ? [] : [{ port, socket }]))
}

const listenDeadlineMs = 5000
/** Long, since an agent may close its side and still wait for a slow model. */
const halfOpenSeconds = 3600

/**
 * Starts a relay for each way. A box with no way out has none.
 *
 * @throws {@link AmcError} `usage/invalid` for a socket whose name socat could misread
 */
export function startRelays(
  target: RelayTarget,
  ways: readonly RelayWay[],
  host: RelayHost,
): Relay {
  if (ways.some(({ socket }) => !/^[\w.-]+$/.test(path.basename(socket))))
    throw new AmcError("usage/invalid", "a socket of the run has a name that can't be relayed")
  const relays = ways.map((way) => startRelay(target, way, host))
  const listening = Promise.all(relays.map((relay) => relay.listening))
  return {
    listening: listening.then(() => undefined),
    stop: async () => void (await Promise.all(relays.map((relay) => relay.stop()))),
  }
}

/**
 * Starts socat in the box's network namespace, but outside its pid and mount namespaces, so that the agent
 * can neither see nor end it. As root it has a user of its own, in a box of its own that holds the socket
 * alone, and the socket is handed to that user: it may lie where only root can go.
 */
function startRelay(target: RelayTarget, way: RelayWay, host: RelayHost): Relay {
  const child = host.isRoot ? spawnAsRoot(target, way, host) : spawnAsUser(target, way, host)
  const gone = once(child, "exit").catch(() => {})
  return {
    listening: waitForListener(target.boxPid, way.port, child),
    stop: async () => {
      child.kill("SIGKILL")
      await gone
    },
  }
}

function socat(socket: string, port: number): string[] {
  const listen = `TCP-LISTEN:${port},bind=${inBox.gatewayHost},fork,reuseaddr,backlog=128,max-children=256`
  return ["-t", String(halfOpenSeconds), listen, `UNIX-CONNECT:${socket}`]
}

function spawnAsRoot(
  { boxPid }: RelayTarget,
  { socket, port }: RelayWay,
  host: RelayHost,
): ChildProcess {
  const uid = relayUser(host.isRoot) ?? 0
  chownSync(socket, uid, uid)
  const { tools } = host
  const roots = host.systemRoots.flatMap((root) =>
    root.target === null
      ? ["--ro-bind", root.path, root.path]
      : ["--symlink", root.target, root.path],
  )
  const box = [
    tools.bwrap,
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--new-session",
    "--die-with-parent",
    "--clearenv",
    "--cap-drop",
    "ALL",
    "--cap-add",
    "CAP_SETUID",
    "--cap-add",
    "CAP_SETGID",
    "--cap-add",
    "CAP_SETPCAP",
    "--ro-bind",
    "/usr",
    "/usr",
    ...roots,
    "--ro-bind-try",
    "/etc/ld.so.cache",
    "/etc/ld.so.cache",
    "--perms",
    "0755",
    "--dir",
    "/run",
    "--bind",
    socket,
    "/run/way.sock",
    "--remount-ro",
    "/",
    "--",
    tools.setpriv,
    "--reuid",
    String(uid),
    "--regid",
    String(uid),
    "--clear-groups",
    "--bounding-set=-all",
    "--inh-caps=-all",
    "--no-new-privs",
    "--",
  ]
  const argv = [
    `--net=/proc/${boxPid}/ns/net`,
    "--",
    ...box,
    tools.socat,
    ...socat("/run/way.sock", port),
  ]
  return spawn(tools.nsenter, argv, { stdio: "ignore", env: {} })
}

function spawnAsUser(
  target: RelayTarget,
  { socket, port }: RelayWay,
  { tools }: RelayHost,
): ChildProcess {
  const argv = [
    "--user=/proc/self/fd/3",
    `--net=/proc/${target.boxPid}/ns/net`,
    "--preserve-credentials",
    "--",
    tools.setpriv,
    "--pdeathsig",
    "KILL",
    "--",
    tools.socat,
    ...socat(path.basename(socket), port),
  ]
  return spawn(tools.nsenter, argv, {
    stdio: ["ignore", "ignore", "ignore", target.userNamespaceFd],
    cwd: path.dirname(socket),
    env: {},
  })
}

async function waitForListener(boxPid: number, port: number, child: ChildProcess): Promise<void> {
  let isGone = false
  child.once("exit", () => (isGone = true)).once("error", () => (isGone = true))
  await until(() => isGone || isListening(boxPid, port), listenDeadlineMs)
  if (isGone || !isListening(boxPid, port))
    throw new AmcError("sandbox/start-failed", "a relay to the monitor does not listen")
}

/** `127.0.0.1:<port>` in state LISTEN, in the kernel's spelling. */
function isListening(boxPid: number, port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, "0")
  try {
    return readFileSync(`/proc/${boxPid}/net/tcp`, "latin1").includes(
      `0100007F:${hex} 00000000:0000 0A`,
    )
  } catch {
    return false
  }
}
