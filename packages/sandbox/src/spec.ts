/** What the agent may use up. */
export interface SandboxLimits {
  readonly memoryBytes: number
  readonly pids: number
  readonly timeoutMs: number
  /** The size of one file. */
  readonly fileBytes: number
  /** What lies in the work folder; looked at every second, so it may be passed for a moment. */
  readonly workBytes: number
}

/** What goes into the box. Whatever is not named here does not exist for the agent. */
export interface SandboxSpec {
  /** Folders of the host that the agent may read, each at its own path. `.amc` folders in them are masked. */
  readonly readOnly: readonly string[]
  /** A private copy of the work folder, made by `prepareWork`; `/workspace` in the box. */
  readonly work: string
  /** Files and folders within those that the agent must not see, such as the owner's checks. */
  readonly hidden: readonly string[]
  /**
   * The run's own unix socket of the gateway. It is handed to the relay's user and is not visible in the
   * box. Null for a box with no way out at all.
   */
  readonly gatewaySocket: string | null
  /** The run's own unix socket of the egress proxy, in the same way; null for a box that has none. */
  readonly egressSocket: string | null
  /** The agent's whole environment. The caller lists what goes in; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  readonly command: readonly string[]
  readonly limits: SandboxLimits
}

/** Where things are inside the box. */
export const inBox = {
  work: "/workspace",
  home: "/home/agent",
  probe: "/run/amc/probe",
  /** The socket that ties an engine's box to the monitor. */
  leash: "/run/amc/leash",
  gatewayHost: "127.0.0.1",
  gatewayPort: 3210,
  egressPort: 3211,
} as const

/** Folders of this name belong to workspaces and are never shown to an agent. */
export const maskedName = ".amc"

/**
 * The users of a monitor that is root: the agent's and the relay's. They lie in a range that neither
 * Debian nor systemd hands out; no account is needed, and nothing on the host should belong to them.
 */
export const rootModeUsers = { agent: 60_800, relay: 60_801 } as const

/** The user that the agent runs under: an unprivileged one of its own if the monitor is root, else the monitor's. */
export function agentUser(): { readonly uid: number; readonly gid: number } {
  const uid = process.getuid?.() ?? -1
  if (uid === 0) return { uid: rootModeUsers.agent, gid: rootModeUsers.agent }
  return { uid, gid: process.getgid?.() ?? -1 }
}
