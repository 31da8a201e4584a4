import { parseGatePolicy, utf8 } from "@amc/core"

/** What a draft is to say. */
export interface PolicyDraftTerms {
  readonly id: string
  readonly producerRoots: readonly string[]
  /** Any agent, if there is none. */
  readonly agents: readonly string[]
}

/**
 * A policy to begin with: strict in what it asks of the evidence, with every further rule as a comment. In JSON, which has no comments,
 * the rules alone.
 *
 * @throws {@link AmcError} `input/malformed` for an id, an agent or a root that is none
 */
export function policyDraft(name: string, terms: PolicyDraftTerms): string {
  const draft = name.endsWith(".json") ? jsonDraft(terms) : yamlDraft(terms)
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

function jsonDraft({ id, producerRoots, agents }: PolicyDraftTerms): string {
  const named = agents.length === 0 ? {} : { agents }
  return `${JSON.stringify({ v: 1, id, producerRoots, ...named, ...asked }, null, 2)}\n`
}

function yamlDraft({ id, producerRoots, agents }: PolicyDraftTerms): string {
  return `# What a release must show. 'amc policy sign' signs it; docs/gates.md explains each rule.
v: 1
# By which a gate asks for it with --policy-id: no two policies of yours have one id.
id: ${id}
# Whose bundles are looked at: the fingerprints of their owners' roots, learnt out of band.
producerRoots:
${producerRoots.map((root) => `  - ${root}\n`).join("")}${agents.length === 0 ? "# agents: [my-agent]" : `agents: [${agents.join(", ")}]`}

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
