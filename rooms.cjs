// The map of rooms: floor, what lives there, what it may import. Not listed means not allowed.
// `.dependency-cruiser.cjs` enforces it; ARCHITECTURE.md shows it.
module.exports = {
  core: {
    floor: "pure",
    holds:
      "bytes and meaning: canonical JSON, digests, strict Ed25519, DSSE, Merkle, notes, events, receipts, certificates, verdicts",
    may: [],
  },
  score: {
    floor: "pure",
    holds: "question bank, indicators, level gates, decay, report: deterministic, no clock",
    may: ["core"],
  },
  report: {
    floor: "pure",
    holds: "a run's report for people: terminal, JSON, Markdown and HTML, from one dossier",
    may: ["core", "score"],
  },
  bundle: {
    floor: "pure",
    holds: "the archive format: strict reader, deterministic writer",
    may: ["core"],
  },
  verify: {
    floor: "pure",
    holds: "offline verification of ledgers, runs, bundles and receipts",
    may: ["core", "score", "bundle"],
  },
  ledger: {
    floor: "machinery",
    holds: "recorder, group commit, sessions, recovery, witness; owns the storage ports",
    may: ["core"],
  },
  "store-sqlite": {
    floor: "machinery",
    holds: "SQLite and file drivers of the ledger's ports",
    may: ["core", "ledger"],
  },
  vault: {
    floor: "machinery",
    holds: "keys at rest, root and certificates, the notary process",
    may: ["core"],
  },
  gateway: {
    floor: "machinery",
    holds: "reverse proxy, leases, provider formats, redaction",
    may: ["core"],
  },
  sandbox: {
    floor: "machinery",
    holds: "drivers, isolation probe, what the monitor sees of a box",
    may: ["core"],
  },
  studio: {
    floor: "surface",
    holds: "wires the rooms: workspace, capture, sessions, runs, bundles",
    may: [
      "core",
      "score",
      "report",
      "bundle",
      "verify",
      "ledger",
      "store-sqlite",
      "vault",
      "gateway",
      "sandbox",
    ],
  },
  verifier: {
    floor: "surface",
    holds: "amc-verify and verify.html: verification for those who have nothing else of AMC",
    may: ["core", "verify"],
  },
  cli: {
    floor: "surface",
    holds: "one file per command",
    may: [
      "core",
      "score",
      "report",
      "bundle",
      "verify",
      "ledger",
      "store-sqlite",
      "vault",
      "gateway",
      "sandbox",
      "studio",
    ],
  },
  testkit: {
    floor: "tests",
    holds: "clock, seeded keys, memory stores, port contracts, faults",
    may: ["core", "ledger"],
  },
}
