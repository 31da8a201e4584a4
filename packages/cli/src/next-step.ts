import type { AmcError, ErrorCode } from "@amc/core"

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
  "input/unreadable": "see that the file exists and that this user may read it",
  "input/unsupported-version": "use a newer amc",
  "score/unknown-engine": "use a newer amc",
  "score/unknown-bank": "use a newer amc",
}

/** What a person can do about a fault: its own hint, or what helps with any fault of its code. */
export function nextStepOf({ code, hint }: AmcError, command: string): string | null {
  if (hint !== undefined) return hint
  if (code !== "usage/invalid") return steps[code] ?? null
  return command === "amc" ? "see 'amc --help'" : `see 'amc ${command} --help'`
}
