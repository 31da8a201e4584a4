import { AmcError, toHex } from "@amc/core"

/** What a check does; the probe's own sources say what each means (spec/sandbox-probe.md). */
export type CheckKind =
  | "read"
  | "write"
  | "unix"
  | "abstract"
  | "tcp"
  | "udp"
  | "http"
  | "dns"
  | "env"
  | "visible"
  | "environ"
  | "part"
  | "memory"
  | "fd"
  | "vm_readv"
  | "pidfd"
  | "ptrace"
  | "walk"
  | "call"

/** One thing to try. Everything that a check needs is in it, so that inside and outside run the same code. */
export interface CheckSpec {
  readonly kind: CheckKind
  readonly args: readonly string[]
}

/** What the monitor sends to the probe. */
export interface ProbeOrder {
  /** A text of 16 to 64 characters that nothing else holds. */
  readonly canary: string
  readonly checks: readonly { readonly id: string; readonly spec: CheckSpec }[]
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** A system call filter for the process to put on itself before it tries anything; null where it has one already. */
  readonly filter?: CallFilter | null
}

/** A filter that asks, and the descriptor of the socket on which the probe hands over where it asks. */
export interface CallFilter {
  readonly program: Uint8Array
  readonly descriptor: number
}

/**
 * An order as the probe reads it: its size in eight hex digits, and fields that each end in a zero byte.
 *
 * @throws {@link AmcError} `usage/invalid` for a zero byte in a word or variable, which Linux has no place for
 */
export function encodeOrder({ canary, checks, command, env, filter }: ProbeOrder): Buffer {
  const fields = [
    ["amc-order/1", "canary", canary],
    ...(filter ? [["filter", String(filter.descriptor), toHex(filter.program)]] : []),
    ...checks.map(({ id, spec: { kind, args } }) => {
      const [a = "", b = "", c = ""] = args
      return ["check", id, kind, a, b, c]
    }),
    ...command.map((word) => ["arg", word]),
    ...Object.entries(env).map(([name, value]) => ["env", `${name}=${value}`]),
    ["end"],
  ]
  const all = fields.flat()
  if (all.some((field) => field.includes("\0")))
    throw new AmcError("usage/invalid", "a word or variable of the agent's holds a zero byte")
  const body = Buffer.from(all.map((field) => `${field}\0`).join(""), "utf8")
  return Buffer.concat([Buffer.from(body.length.toString(16).padStart(8, "0")), body])
}
