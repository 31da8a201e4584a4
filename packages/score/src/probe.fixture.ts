import {
  agreedFacts,
  hardeningChecks,
  type MeasuredFacts,
  type ProbeCheck,
  requiredDenials,
  requiredReaches,
  type SeenValue,
} from "@amc/core"

export type Box = "hardened" | "isolated" | "leaky"

/** What the probe records in a box of this kind; a leaky one lets the vault be read. */
export function probeOf(box: Box): MeasuredFacts<"sandbox_probe"> {
  const seen = agreed(box === "hardened" ? 2 : 0)
  return {
    checks: [
      ...requiredDenials.map((id) => denied(id, box === "leaky" && id === "file.vault")),
      ...requiredReaches.map(
        (id) => ({ id, expect: "reached", outcome: "reached", control: "none" }) as const,
      ),
      ...hardeningChecks.map((id) => denied(id, false)),
    ],
    inside: seen,
    outside: { ...seen, ...limits, ...monitorNamespaces() },
    agree: true,
  }
}

const limits = { memory_limit_bytes: 1 << 29, pids_limit: 256 }

function denied(id: string, isReached: boolean): ProbeCheck {
  return { id, expect: "denied", outcome: isReached ? "reached" : "denied", control: "reached" }
}

function agreed(seccomp: number): Record<string, SeenValue> {
  const known: Record<string, SeenValue> = {
    uid: 60123,
    cap_eff: "0000000000000000",
    cap_bnd: "0000000000000000",
    no_new_privs: 1,
    seccomp,
    interfaces: "lo",
    default_route: false,
    root_read_only: true,
  }
  return Object.fromEntries(agreedFacts.map((name) => [name, known[name] ?? `agent-${name}`]))
}

function monitorNamespaces(): Record<string, SeenValue> {
  return Object.fromEntries(
    ["mnt", "pid", "net", "ipc", "uts"].map((name) => [`monitor_ns_${name}`, `monitor-${name}`]),
  )
}
