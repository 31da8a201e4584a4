import { resolve } from "node:path"
import { AmcError, isFault, type NoteVerifier, parseVkey, text } from "@amc/core"
import { type GivenTrust, verifyProofHere } from "@amc/studio"
import { type EventProofSummary, exitOf } from "@amc/verify"
import { type Command, type Context, type Options, textOption } from "../command.ts"
import { givenTrust } from "../root-option.ts"
import { timeOption } from "../time-option.ts"

export const ledgerVerifyProof: Command = {
  configure: (parser) =>
    parser
      .argument("<file>", "the proof")
      .option(
        "--root <fingerprint>",
        "the owner's root: sha256:…, or the trust file that you were given",
      )
      .option(
        "--vkey <key>",
        "the ledger's key instead, as 'amc keys export --format vkey' prints it, or a file",
      )
      .option("--receipt <receipt>", "the receipt that you got: its text, or @file")
      .option("--event <hash>", "the event that you ask about")
      .option("--body <file>", "the body as you sent or got it, without content coding")
      .option("--at <time>", "judge what expires at this time, such as 2026-11-23")
      .addHelpText(
        "after",
        `
Examples:
  amc ledger verify-proof call.tlog-proof --root sha256:… --receipt @receipt.txt --body request.json
  amc ledger verify-proof call.tlog-proof --vkey "$(cat ledger.vkey)"

Nothing is asked of any network. A root shows who signed event and receipt; a key of the ledger shows only
that the event is in it. Neither shows when: that takes cosignatures of witnesses that you trust.

Exit codes: 0 the event is in the ledger, 1 not shown, 3 could not look, 4 tampered with.`,
      ),

  async run(context, [file = ""], options) {
    const now = context.clock()
    const receipt = textOption(options, "receipt")
    const body = textOption(options, "body")
    const verdict = verifyProofHere(await context.readFile(resolve(context.cwd, file)), {
      state: context.state,
      trust: await trustOf(context, options),
      receipt: receipt === undefined ? undefined : await textOrFile(context, receipt),
      eventHash: hashOption(textOption(options, "event")),
      body: body === undefined ? undefined : await context.readFile(resolve(context.cwd, body)),
      nowMs: now,
      atMs: timeOption(textOption(options, "at"), "at") ?? now,
      warn: (warning) => context.err(`amc: warning: ${warning}`),
    })
    const exit = exitOf(verdict)
    if (!verdict.accepted)
      return { exit, data: null, findings: verdict.findings, lines: [`${file}: REJECTED`] }
    return { exit, data: verdict.value, lines: linesOf(file, verdict.value) }
  },
}

function linesOf(file: string, summary: EventProofSummary): readonly string[] {
  const { origin, index, event_hash, checkpoint, event, receipt, body_matches } = summary
  return [
    `${file}: accepted; event ${index} is in ${origin}, whose checkpoint covers ${checkpoint.size} events`,
    `event    ${event_hash}`,
    ...(event === null ? [] : [`says     ${event.type} of agent ${event.agent}`]),
    ...(receipt === null ? [] : [`receipt  ${receipt.receipt_id}, kept: the event is there`]),
    ...(body_matches ? ["body     is the one that the event speaks of"] : []),
  ]
}

async function trustOf(
  context: Context,
  options: Options,
): Promise<GivenTrust | { readonly verifiers: readonly NoteVerifier[] } | null> {
  const key = textOption(options, "vkey")
  const root = textOption(options, "root")
  if (key === undefined) return givenTrust(context, root)
  if (root !== undefined)
    throw new AmcError("usage/invalid", "--root and --vkey are two answers to one question", {
      hint: "give --root, which shows more",
    })
  const lines = /\+[0-9a-f]{8}\+/u.test(key)
    ? key
    : text(await context.readFile(resolve(context.cwd, key)))
  return { verifiers: lines.trim().split("\n").map(readVkey) }
}

function readVkey(line: string): NoteVerifier {
  try {
    return parseVkey(line)
  } catch (cause) {
    if (!isFault(cause)) throw cause
    throw new AmcError("usage/invalid", `--vkey: ${cause.message}`, {
      cause,
      hint: "the owner prints it with 'amc keys export --format vkey'",
    })
  }
}

function hashOption(given: string | undefined): string | undefined {
  const hash = given?.replace(/^sha256:/u, "")
  if (hash === undefined || /^[0-9a-f]{64}$/u.test(hash)) return hash
  throw new AmcError("usage/invalid", "--event takes 64 hexadecimal digits")
}

async function textOrFile(context: Context, given: string): Promise<string> {
  if (!given.startsWith("@")) return given.trim()
  return text(await context.readFile(resolve(context.cwd, given.slice(1)))).trim()
}
