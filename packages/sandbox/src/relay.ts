import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { chownSync, readFileSync } from "node:fs"
import path from "node:path"
import { AmcError } from "@amc/core"
import { type HostFacts, relayUser } from "./host.ts"
import { inBox } from "./spec.ts"
import { until } from "./until.ts"

/** The way from the box's loopback to the gateway's socket. */
export interface Relay {
  /** Resolves once the box can connect. */
  readonly listening: Promise<void>
  stop(): Promise<void>
}

/** For a box that has no way out. */
export const noRelay: Relay = { listening: Promise.resolve(), stop: async () => undefined }

/** The box that the relay is to listen in. */
export interface RelayTarget {
  /** Bubblewrap's child, whose network namespace is the box's. */
  readonly boxPid: number
  /** The user namespace that owns that network; used only without root. */
  readonly userNamespaceFd: number
  readonly socket: string
}

const listenDeadlineMs = 5000
/** Long, since an agent may close its side and still wait for a slow model. */
const halfOpenSeconds = 3600

/**
 * Starts socat in the box's network namespace, but outside its pid and mount namespaces, so that the agent
 * can neither see nor end it. As root it has a user of its own, in a box of its own that holds the socket
 * alone, and the socket is handed to that user: it may lie where only root can go.
 *
 * @throws {@link AmcError} `usage/invalid` for a socket whose name socat could misread
 */
export function startRelay(target: RelayTarget, host: HostFacts): Relay {
  const name = path.basename(target.socket)
  if (!/^[\w.-]+$/.test(name))
    throw new AmcError("usage/invalid", "the gateway's socket has a name that can't be relayed")
  const child = host.isRoot ? spawnAsRoot(target, host) : spawnAsUser(target, host)
  const gone = once(child, "exit").catch(() => {})
  return {
    listening: waitForListener(target.boxPid, child),
    stop: async () => {
      child.kill("SIGKILL")
      await gone
    },
  }
}

function socat(socket: string): string[] {
  const listen = `TCP-LISTEN:${inBox.gatewayPort},bind=${inBox.gatewayHost},fork,reuseaddr,backlog=128,max-children=256`
  return ["-t", String(halfOpenSeconds), listen, `UNIX-CONNECT:${socket}`]
}

function spawnAsRoot({ boxPid, socket }: RelayTarget, host: HostFacts): ChildProcess {
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
    "/run/gateway.sock",
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
    ...socat("/run/gateway.sock"),
  ]
  return spawn(tools.nsenter, argv, { stdio: "ignore", env: {} })
}

function spawnAsUser(target: RelayTarget, { tools }: HostFacts): ChildProcess {
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
    ...socat(path.basename(target.socket)),
  ]
  return spawn(tools.nsenter, argv, {
    stdio: ["ignore", "ignore", "ignore", target.userNamespaceFd],
    cwd: path.dirname(target.socket),
    env: {},
  })
}

async function waitForListener(boxPid: number, child: ChildProcess): Promise<void> {
  let isGone = false
  child.once("exit", () => (isGone = true)).once("error", () => (isGone = true))
  await until(() => isGone || isListening(boxPid), listenDeadlineMs)
  if (isGone || !isListening(boxPid))
    throw new AmcError("sandbox/start-failed", "the relay to the gateway does not listen")
}

/** `127.0.0.1:3210` in state LISTEN, in the kernel's spelling. */
function isListening(boxPid: number): boolean {
  const port = inBox.gatewayPort.toString(16).toUpperCase().padStart(4, "0")
  try {
    return readFileSync(`/proc/${boxPid}/net/tcp`, "latin1").includes(
      `0100007F:${port} 00000000:0000 0A`,
    )
  } catch {
    return false
  }
}
