import { AmcError } from "@amc/core"

/** The monitor's own environment, which says where engines are. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * The socket that a variable names; null if it names none.
 *
 * @throws {@link AmcError} `sandbox/unavailable` for an address that is no socket of this machine
 */
export function namedSocket(environment: Environment, variable: string): string | null {
  const address = environment[variable] ?? ""
  if (address === "") return null
  if (address.startsWith("unix:///")) return address.slice("unix://".length)
  throw new AmcError("sandbox/unavailable", `${variable} names no socket of this machine`, {
    hint: `${variable}=unix:///path/to/the/engine.sock; boxes on another machine can't be looked at from outside`,
  })
}

/** What tells one engine from another, for whoever remembers what it found. */
export function placeOf(environment: Environment, variable: string): string {
  return [variable, "XDG_RUNTIME_DIR"].map((name) => environment[name] ?? "").join(" ")
}
