import { systemAgent } from "@amc/core"

/** The fixed names in a bundle (spec/bundle.md, "Layout"). */
export const bundlePaths = {
  checkpoint: "checkpoint",
  report: "run/report.json",
  seal: "run/seal.dsse.json",
  firstRoot: "trust/roots/1.json",
  revocations: "trust/revocations.json",
} as const

const evidence = "evidence/"
const proofs = "proofs/"
const roots = "trust/roots/"
const keys = "trust/keys/"
const config = "config/"
const changes = "changes/"
const policies = "policies/"
const attestations = "attestations/"
const payloads = "payloads/"

export function evidencePath(lane: string, agent: string): string {
  return `${evidence}${lane}/${agent}.entries`
}

/** Where the signatures of the entries of {@link evidencePath} lie. */
export function signaturesPath(lane: string, agent: string): string {
  return `${evidence}${lane}/${agent}.signatures`
}

export function proofsPath(lane: string): string {
  return `${proofs}${lane}.json`
}

/** The files of both chains of a lane that every bundle about this agent has. */
export function evidencePathsOf(lane: string, agent: string): readonly string[] {
  return [agent, systemAgent].flatMap((of) => [evidencePath(lane, of), signaturesPath(lane, of)])
}

/** Where a version of the root lies. */
export function rootPath(version: number): string {
  return `${roots}${version}.json`
}

export function keyPath(kid: string): string {
  return `${keys}${kid}.json`
}

/** Where a config file lies that its signature calls by this path. */
export function configPath(path: string): string {
  return `${config}${path}`
}

export function configSignaturePath(path: string): string {
  return `${configPath(path)}.sig`
}

/** Where the auditor's signature lies that a `config_change` event names as its payload. */
export function changePath(sha256: string): string {
  return `${changes}${sha256}.dsse.json`
}

/** Where the retention policy lies that a `payload_prune` event names as its payload. */
export function policyPath(sha256: string): string {
  return `${policies}${sha256}.yaml`
}

/** Where the auditor's word lies that an `attestation` event names as its payload. */
export function attestationPath(sha256: string): string {
  return `${attestations}${sha256}.dsse.json`
}

/** Where the bytes lie that an event of the agent names as its stored payload. */
export function payloadPath(sha256: string): string {
  return `${payloads}${sha256}`
}

/** What the file names of a bundle say it holds. */
export interface BundleContents {
  readonly lanes: readonly string[]
  /** How many versions of the root there are, from 1 without a gap. */
  readonly roots: number
  readonly kids: readonly string[]
  readonly configs: readonly string[]
  /** Digests of the signatures that config changes name. */
  readonly changes: readonly string[]
  /** Digests of the retention policies that prunes name. */
  readonly policies: readonly string[]
  /** Digests of the envelopes that attestations name. */
  readonly attestations: readonly string[]
  /** Digests of the payloads of the agent's events. */
  readonly payloads: readonly string[]
  /** Names that the layout has no place for, given the agent. */
  readonly strays: readonly string[]
}

/** Sorts the names of a bundle's files (without manifest and signature) into what they are. */
export function contentsOf(names: Iterable<string>, agent: string): BundleContents {
  const all = new Set(names)
  const lanes = matchesOf(all, /^proofs\/([^/]+)\.json$/u)
  const roots = rootsIn(all)
  const kids = matchesOf(all, /^trust\/keys\/([0-9a-f]{64})\.json$/u)
  const configs = matchesOf(all, /^config\/(.+)$/u).filter((path) => !isSignatureIn(all, path))
  const changed = matchesOf(all, /^changes\/([0-9a-f]{64})\.dsse\.json$/u)
  const allowed = matchesOf(all, /^policies\/([0-9a-f]{64})\.yaml$/u)
  const attested = matchesOf(all, /^attestations\/([0-9a-f]{64})\.dsse\.json$/u)
  const held = matchesOf(all, /^payloads\/([0-9a-f]{64})$/u)
  const known = new Set<string>([
    ...Object.values(bundlePaths),
    ...lanes.map(proofsPath),
    ...lanes.flatMap((lane) => evidencePathsOf(lane, agent)),
    ...Array.from({ length: roots }, (_, at) => rootPath(at + 1)),
    ...kids.map(keyPath),
    ...configs.flatMap((path) => [configPath(path), configSignaturePath(path)]),
    ...changed.map(changePath),
    ...allowed.map(policyPath),
    ...attested.map(attestationPath),
    ...held.map(payloadPath),
  ])
  const strays = [...all].filter((name) => !known.has(name))
  const words = { changes: changed, policies: allowed, attestations: attested, payloads: held }
  return { lanes, roots, kids, configs, ...words, strays }
}

function matchesOf(names: ReadonlySet<string>, pattern: RegExp): string[] {
  return [...names].flatMap((name) => pattern.exec(name)?.[1] ?? [])
}

function rootsIn(names: ReadonlySet<string>): number {
  let version = 0
  while (names.has(rootPath(version + 1))) version++
  return version
}

function isSignatureIn(names: ReadonlySet<string>, path: string): boolean {
  return path.endsWith(".sig") && names.has(configPath(path.slice(0, -".sig".length)))
}
