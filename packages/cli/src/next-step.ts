import type { AmcError, ErrorCode, Finding } from "@amc/core"

const steps: Partial<Record<ErrorCode, string>> = {
  "workspace/exists": "use the workspace that is there, or make one in another folder",
  "workspace/unwritable": "choose a folder that this user can write",
  "vault/missing": "put the vault file back from a backup; nothing can be signed without it",
  "vault/locked": "amc vault unlock",
  "vault/wrong-passphrase":
    "give the right one: typed, by --passphrase-file, or in the file that 'amc init' wrote in the state folder; 'amc vault status' counts the tries",
  "vault/backing-off": "wait, then try again; 'amc vault status' says how long",
  "vault/damaged": "put the vault file back from a backup",
  "vault/unsafe-file": "give the vault file to this user alone, with mode 600",
  "store/unavailable":
    "see that the disk has room and that this user may write the .amc folder, then try again",
  "store/damaged": "see 'amc verify' for what was changed",
  "store/conflict": "try again when no other amc works in this workspace",
  "ledger/lane-taken": "wait until the other amc of this workspace has ended",
  "sandbox/start-failed": "see that the command exists and can be run, by its name or its path",
  "bundle/malformed": "ask for the file again: it is cut short or not a bundle",
  "witness/unavailable": "see that the witness runs at that address; 'amc run' asks it again",
  "input/unreadable": "see that the file exists and that this user may read it",
  "input/unsupported-version": "use a newer amc",
  "score/unknown-engine": "use a newer amc",
  "score/unknown-bank": "use a newer amc",
}

const sign = "'amc config sign', or 'amc policy sign' for a gate's policy"

const findingSteps: Readonly<Record<string, string>> = {
  "witness/quorum":
    "ask the owner for a bundle of a run that these witnesses cosigned, or choose another policy",
  "witness/checkpoint":
    "a line in a witness's name was forged: ask for the file again, by another way",
  "checkpoint/stale":
    "ask the owner for a newer one; a ledger that is in use is cosigned with each run",
  "ledger/forked":
    "keep both files: signed by one key, they prove that the owner shows two histories",
  "ledger/not-extended":
    "ask the owner for the proof between the two sizes ('amc ledger prove --from … --to …'), and give it with --proof",
  "bundle/unknown-root":
    "compare the fingerprint with the owner by another way than the file came, then pass --root sha256:…",
  "trust/root-invalid":
    "compare the fingerprint with the owner by another way than the files came, then pass that one",
  "trust/root-expired":
    "the owner makes a new one with 'amc keys rotate --role root'; --at judges an earlier time",
  "trust/revocations-expired":
    "the owner renews it with 'amc keys revoke --renew' and hands out 'amc keys export'; --at judges an earlier time",
  "trust/root-superseded": "ask the owner for a bundle that was exported since the root changed",
  "trust/rolled-back": "put the newer trust folder back from a backup",
  "trust/key-compromised":
    "only a checkpoint that was seen before the theft vouches for it; measure again with the new key",
  "ledger/not-covered": "amc ledger checkpoint",
  "tiles/missing": "amc ledger fsck --rebuild-tiles",
  "tiles/contradicted":
    "move that file away, then 'amc ledger fsck --rebuild-tiles'; if the events were changed, put the ledger back",
  "proof/untrusted": "ask the owner for the root or the ledger's key by a way that you trust",
  "config/unsigned": sign,
  "config/signature-invalid": `look at what changed, then ${sign}`,
  "config/signature-missing": `look at what changed, then ${sign}`,
  "config/superseded": `put the newest file back, or sign this one with ${sign}`,
  "config/expired": sign,
  "cert/revoked": "ask the issuer for a new one, and why they took this one back",
  "cert/expired": "ask the issuer for a new one; --at judges an earlier time",
  "cert/not-yet": "set this machine's clock, or judge at another time with --at",
  "cert/another-issuer": "nobody issues that by good order: ask the issuer by another way",
  "cert/another-bundle": "ask for the bundle that the certificate is about",
  "policy/superseded": "use the newest policy, or sign this one anew with 'amc policy sign'",
  "policy/malformed": "see 'amc policy init' for a draft, and 'amc config schema gate-policy'",
  "policy/another": "give the policy that is asked for, or ask for this one by its own id",
  "policy/keys": "copy .trust.json anew from where 'amc policy sign' was",
}

/** What a person can do about a finding. */
export function nextStepOfFinding({ code }: Finding): string | null {
  return findingSteps[code] ?? null
}

/** What a person can do about a fault: its own hint, or what helps with any fault of its code. */
export function nextStepOf({ code, hint }: AmcError, command: string): string | null {
  if (hint !== undefined) return hint
  if (code !== "usage/invalid") return steps[code] ?? null
  return command === "amc" ? "see 'amc --help'" : `see 'amc ${command} --help'`
}
