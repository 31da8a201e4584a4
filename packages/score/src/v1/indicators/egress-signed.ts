import type { Indicator, MeasuredSession } from "../indicator.ts"
import type { Item } from "../judged.ts"

/**
 * SAO-10: sessions in a box whose network was measured and whose every connection was one that the signed
 * list names. A box that let bytes out is a critical veto; what was tried and refused is no breach.
 */
export const egressSigned: Indicator = {
  id: "SAO-10",
  reads: ["sandbox_probe", "network_connect"],
  holds: (session) => (session.mayHaveRun ? [judgeEgress(session)] : []),
}

function judgeEgress(session: MeasuredSession): Item {
  const out = [...leaks(session), ...unlisted(session)]
  if (out.length > 0) return { outcome: "fail", events: out, veto: "critical" }
  return { outcome: session.isIsolated ? "pass" : "unknown" }
}

/** Probes that reached the network past the proxy, which a box must not. */
function leaks(session: MeasuredSession): readonly string[] {
  const probes = session.measured("sandbox_probe")
  const leaky = probes.filter(({ measured }) =>
    measured.checks.some(
      ({ id, expect, outcome }) =>
        /^(?:tcp|udp|internet|socket|abstract)\./.test(id) &&
        expect === "denied" &&
        outcome === "reached",
    ),
  )
  return leaky.map(({ hash }) => hash)
}

function unlisted(session: MeasuredSession): readonly string[] {
  const connects = session.measured("network_connect")
  const isListed = ({ rule }: { readonly rule: string }): boolean => rule !== ""
  return connects
    .filter(({ measured }) => !measured.connections.every(isListed))
    .map(({ hash }) => hash)
}
