import { parseGatePolicy, utf8 } from "@amc/core"

/**
 * A policy to begin with: strict in what it asks of the evidence, with every further rule as a comment. In JSON, which has no comments,
 * the rules alone.
 *
 * @throws {@link AmcError} `input/malformed` for a root that is none
 */
export function policyDraft(name: string, producerRoots: readonly string[]): string {
  const draft = name.endsWith(".json") ? jsonDraft(producerRoots) : yamlDraft(producerRoots)
  parseGatePolicy(utf8(draft), name)
  return draft
}

const asked = {
  requireObservedForLevel5: true,
  denyIfLowTrust: false,
  minIntegrityIndex: 80,
  requirePosture: "measured",
  maxAgeDays: 14,
  denyVetoes: true,
  minQuestions: { "CA-12": 1, "LA-05": 1, "RES-06": 1 },
} as const

function jsonDraft(producerRoots: readonly string[]): string {
  return `${JSON.stringify({ v: 1, producerRoots, ...asked }, null, 2)}\n`
}

function yamlDraft(producerRoots: readonly string[]): string {
  return `# What a release must show. 'amc policy sign' signs it; docs/gates.md explains each rule.
v: 1
# Whose bundles are looked at: the fingerprints of their owners' roots, learnt out of band.
producerRoots:
${producerRoots.map((root) => `  - ${root}\n`).join("")}# agents: [my-agent]

# The evidence.
requireObservedForLevel5: ${asked.requireObservedForLevel5}
denyIfLowTrust: ${asked.denyIfLowTrust}
# minTrustLabel: HIGH TRUST
minIntegrityIndex: ${asked.minIntegrityIndex}
requirePosture: ${asked.requirePosture}
maxAgeDays: ${asked.maxAgeDays}
denyVetoes: ${asked.denyVetoes}
# allowLoopbackUpstreams: true
# witnessPolicy: |
#   witness w1 <verifier key>
#   quorum w1

# The levels, 0 to 5.
minQuestions:
${Object.entries(asked.minQuestions)
  .map(([id, level]) => `  ${id}: ${level}\n`)
  .join("")}# minLayers: {Skills: 1}
# minOverall: 1

# Against the bundle that is given as --previous.
# maxDrop: 0
# consecutiveRuns: 2
`
}
