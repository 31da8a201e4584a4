import type { Socket } from "node:net"
import { AmcError } from "@amc/core"

/** What the notary's process asks of the kernel about whoever connects. */
export interface ProcessGuard {
  /** Whether the process at the other end ran as our own user when it connected; false if that can't be told. */
  isOwn(socket: Socket): boolean
}

type Call = (...all: (number | Uint8Array)[]) => number
type System = Readonly<Record<keyof typeof signatures, Call>>

const signatures = {
  prctl: "int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)",
  setrlimit: "int setrlimit(int, void *)",
  getsockopt: "int getsockopt(int, int, int, void *, void *)",
} as const

// linux/prctl.h, asm-generic/resource.h, asm-generic/socket.h: equal on x64 and arm64.
const [PR_GET_DUMPABLE, PR_SET_DUMPABLE] = [3, 4]
const RLIMIT_CORE = 4
const [SOL_SOCKET, SO_PEERCRED] = [1, 17]
/** `struct ucred`: pid, uid, gid, 32 bits each. */
const CREDENTIALS = 12

/**
 * Closes this process's memory to other processes of its user (no core dump, no ptrace, no
 * `/proc/<pid>/mem`), and gives what tells who connects. There is no taking back, so it is for the
 * notary's own process alone. Linux only.
 *
 * @throws {@link AmcError} `notary/unavailable` where the system does not give these
 */
export async function guardProcess(): Promise<ProcessGuard> {
  const system = await loadSystem()
  forbidDumps(system)
  return { isOwn: (socket) => peerUid(system, socket) === process.getuid?.() }
}

async function loadSystem(): Promise<System> {
  if (process.platform !== "linux") throw unguarded("is known on Linux only")
  try {
    const { default: koffi } = await import("koffi")
    const library = koffi.load(null)
    const calls = Object.entries(signatures).map(([name, it]) => [name, library.func(it)])
    return Object.fromEntries(calls) as System
  } catch (cause) {
    throw unguarded("can't be asked of this system", cause)
  }
}

function forbidDumps({ prctl, setrlimit }: System): void {
  // Two 64-bit zeros: the soft and the hard limit.
  const isLimited = setrlimit(RLIMIT_CORE, new Uint8Array(16)) === 0
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
  if (!isLimited || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) !== 0)
    throw new AmcError("notary/unavailable", "the notary's memory can't be closed to others")
}

function peerUid({ getsockopt }: System, socket: Socket): number | undefined {
  const credentials = new Uint8Array(CREDENTIALS)
  const size = new Uint8Array(Uint32Array.of(CREDENTIALS).buffer)
  if (getsockopt(descriptorOf(socket), SOL_SOCKET, SO_PEERCRED, credentials, size) !== 0)
    return undefined
  return new Uint32Array(credentials.buffer)[1]
}

/** Node has no public name for the descriptor of a socket. */
function descriptorOf(socket: Socket): number {
  const { _handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } | null }
  return _handle?.fd ?? -1
}

function unguarded(why: string, cause?: unknown): AmcError {
  return new AmcError("notary/unavailable", `who connects to a notary ${why}`, { cause })
}
