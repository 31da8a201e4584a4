import { AmcError } from "@amc/core"
import { openWorkspace, renewRevocations, revokeKeyOf, type Workspace } from "@amc/studio"
import { type Command, flagOption, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { addOwnerOptions, ownersOf } from "../owner-options.ts"
import { timeOption } from "../time-option.ts"

export const keysRevoke: Command = {
  configure: (parser) =>
    addOwnerOptions(
      parser
        .argument("[kid]", "the key's id, or its beginning (at least 8 digits)")
        .option("--from <time>", "the earliest time at which somebody else may have had it")
        .option("--renew", "only issue the list anew, before it expires"),
    ).addHelpText(
      "after",
      `
Examples:
  amc keys revoke 3f9a2b71 --from 2026-11-20
  amc keys revoke --renew

What the key signed counts only if a checkpoint that was seen before --from covers it. A key that is in
use is replaced at once. A root key is taken out with 'amc keys rotate --role root'.`,
    ),

  async run(context, [given], options) {
    const now = context.clock()
    const workspace = openWorkspace(context.cwd, context.state, now)
    if (flagOption(options, "renew")) {
      const owners = await ownersOf(context, workspace, options)
      await renewRevocations(workspace, { owners, clock: context.clock })
      return {
        exit: Exit.accepted,
        data: null,
        lines: ["the revocation list counts for another year"],
      }
    }
    const kid = findKey(workspace, given)
    const from = timeOption(textOption(options, "from"), "from")
    if (from === undefined)
      throw new AmcError("usage/invalid", "--from is missing", {
        hint: "name the earliest time at which somebody else may have had the key; if in doubt, an earlier one",
      })
    if (from > now) throw new AmcError("usage/invalid", "--from lies in the future")
    const owners = await ownersOf(context, workspace, options)
    const rotated = await revokeKeyOf(workspace, {
      kid,
      compromisedFromMs: from,
      owners,
      clock: context.clock,
    })
    return {
      exit: Exit.accepted,
      data: { kid, compromised_from_ms: from, rotated },
      lines: [
        `revoked  ${kid}`,
        ...rotated.map(({ role, kid: next }) => `${role.padEnd(8)} ${next} signs from now on`),
        ...(rotated.some(({ role }) => role === "auditor")
          ? ["Look at every config file, then sign what is yours with 'amc config sign'."]
          : []),
        "Hand out 'amc keys export --format trust' to those who verify; see 'amc verify' for what falls.",
      ],
    }
  },
}

function findKey({ keyring }: Workspace, given: string | undefined): string {
  if (given === undefined || !/^[0-9a-f]{8,64}$/u.test(given))
    throw new AmcError("usage/invalid", "name the key by at least 8 digits of its id", {
      hint: "see 'amc keys list'",
    })
  const owner = keyring.roots.current.keys.find(({ kid }) => kid.startsWith(given))
  if (owner !== undefined)
    throw new AmcError("usage/invalid", "an owner's key is not revoked, it is replaced", {
      hint: "amc keys rotate --role root",
    })
  const [kid, ...others] = [...keyring.certificates.keys()].filter((each) => each.startsWith(given))
  if (kid !== undefined && others.length === 0) return kid
  const what = kid === undefined ? "no key's id begins" : "more than one key's id begins"
  throw new AmcError("key/unknown", `${what} with ${given}`, { hint: "see 'amc keys list'" })
}
