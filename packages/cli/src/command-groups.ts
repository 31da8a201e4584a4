/** What help says of a word that only groups commands. */
export const commandGroups: ReadonlyMap<string, string> = new Map([
  ["sandbox", "run an agent in a box whose walls are measured"],
  ["provider", "where the gateway forwards to, and with which key"],
  ["egress", "where agents may connect to besides their providers"],
  ["gateway", "the way of agents to their models: set up, run, check"],
  ["lease", "what agents get in place of providers' keys"],
  ["target", "the levels that an agent is to reach: sign, show, compare"],
  ["bundle", "a run and its evidence in one file: write, check, look in, compare"],
  ["policy", "what a release must show: draft, sign"],
  ["cert", "certificates: check, look in, take back"],
  ["ci", "gate releases where they are built"],
  ["config", "the signed config files: sign, check, show"],
  ["keys", "the public keys and who vouches for them"],
  ["witness", "cosign the checkpoints of others' ledgers"],
  ["ledger", "the evidence and its tree: look, prove, publish, check"],
  ["vault", "the encrypted private keys: unlock, lock, passphrases"],
])
