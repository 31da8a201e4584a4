import type { Certificate } from "@amc/core"
import { dayOf } from "./day.ts"
import { printable } from "./printable.ts"

/** What a certificate says, whoever signed it. */
export function certificateLines(certificate: Certificate): readonly string[] {
  const { run, standing, policy, issued_ms, expires_ms } = certificate
  const { overall, trust_label, integrity_index, completeness_per_mille, posture } = standing
  const upstreams = standing.upstreams.map(({ provider, upstream }) => `${provider} at ${upstream}`)
  return [
    `agent       ${run.agent} in ${run.workspace}, ${run.run_id} of ${dayOf(run.opened_ms)}`,
    `level       ${overall}; ${standing.layers.map(({ name, level }) => `${name} ${level}`).join(", ")}`,
    `trust       ${trust_label}, IntegrityIndex ${integrity_index}, ${completeness_per_mille} of 1000 sessions sealed, posture ${posture}`,
    `upstreams   ${upstreams.join(", ")}`,
    `producer    sha256:${run.root_sha256}`,
    `policy      ${policy.id} (${policy.name}) version ${policy.version} of ${policy.workspace} (sha256:${policy.root_sha256})`,
    `issuer      ${certificate.workspace} (sha256:${certificate.root_sha256})`,
    `bundle      sha256:${certificate.bundle_sha256}`,
    `valid       ${dayOf(issued_ms)} to ${dayOf(expires_ms)}, by the issuer's own clock`,
  ].map(printable)
}
