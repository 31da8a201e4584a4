import { AmcError, type NoteVerifier, parseVkey } from "@amc/core"

/**
 * The logs of words such as `origin vkey vkey …`; an origin may be left out, since each key bears it.
 *
 * @throws {@link AmcError} `usage/invalid` for none, or for a key that is not of the origin before it
 */
export function parseLogs(words: readonly string[]): readonly NoteVerifier[] {
  const logs: NoteVerifier[] = []
  let origin: string | null = null
  for (const word of words) {
    if (!word.includes("+")) {
      origin = word
      continue
    }
    const log = parseLogKey(word)
    if (origin !== null && log.name !== origin)
      throw new AmcError("usage/invalid", `the key of ${log.name} is not one of ${origin}`)
    logs.push(log)
  }
  if (logs.length > 0) return logs
  throw new AmcError("usage/invalid", "a witness needs the verifier key of a log", {
    hint: "the log's owner prints it with 'amc keys export --format vkey'",
  })
}

function parseLogKey(word: string): NoteVerifier {
  try {
    return parseVkey(word)
  } catch (cause) {
    throw new AmcError("usage/invalid", "that is no verifier key of a log", { cause })
  }
}
