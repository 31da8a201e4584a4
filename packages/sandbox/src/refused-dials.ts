import { closeSync, openSync, readSync } from "node:fs"

/** What the kernel counted of a network's dials that came to nothing, since it was first asked. */
export interface RefusedDials {
  /** To where no route leads. */
  readonly noRoute: number
  /** Of TCP, to where nobody took them. */
  readonly failed: number
}

/** A look at the kernel's own counters of a network, which goes on when its processes have ended. */
export interface DialCounter {
  read(): RefusedDials
  close(): void
}

const mostBytes = 16_384

/**
 * Counts from now on what is dialled in vain in the network of a process. The agent can add to it by trying, and take
 * nothing away.
 *
 * @throws if the process is gone
 */
export function countRefusedDials(pid: number): DialCounter {
  const fd = openSync(`/proc/${pid}/net/snmp`, "r")
  const bytes = Buffer.alloc(mostBytes)
  const now = (): RefusedDials =>
    dialsIn(bytes.toString("latin1", 0, readSync(fd, bytes, 0, mostBytes, 0)))
  const before = now()
  return {
    read: () => {
      const { noRoute, failed } = now()
      return { noRoute: noRoute - before.noRoute, failed: failed - before.failed }
    },
    close: () => closeSync(fd),
  }
}

/** Each protocol has a line of names, and a line of numbers below it. */
function dialsIn(text: string): RefusedDials {
  const lines = text.split("\n").map((line) => line.split(" "))
  const count = (protocol: string, name: string): number => {
    const [names, numbers] = lines.filter(([first]) => first === `${protocol}:`)
    return Number(numbers?.[names?.indexOf(name) ?? -1] ?? 0)
  }
  return { noRoute: count("Ip", "OutNoRoutes"), failed: count("Tcp", "AttemptFails") }
}
