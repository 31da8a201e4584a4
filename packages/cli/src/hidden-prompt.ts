import { AmcError } from "@amc/core"

/** A terminal that a person types at. */
export interface Terminal {
  readonly input: Pick<
    NodeJS.ReadStream,
    "setRawMode" | "on" | "off" | "resume" | "pause" | "unshift"
  >
  readonly output: { write(text: string): unknown }
}

const longest = 1024
const [CTRL_C, CTRL_D, BACKSPACE, NEWLINE, RETURN, CTRL_U, DELETE] = [3, 4, 8, 10, 13, 21, 127]

/**
 * What a person types after a question, without showing it. The caller wipes it.
 *
 * @throws {@link AmcError} `run/interrupted` after Ctrl-C, `input/too-large`
 */
export function askHidden({ input, output }: Terminal, question: string): Promise<Uint8Array> {
  const typed = new Uint8Array(longest)
  let size = 0
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const end = (settle: () => void): void => {
    input.off("data", take).setRawMode(false)
    input.pause()
    output.write("\n")
    settle()
    typed.fill(0)
  }
  const put = (byte: number): boolean => {
    if ([NEWLINE, RETURN, CTRL_D].includes(byte))
      return (end(() => resolve(typed.slice(0, size))), true)
    if (byte === CTRL_C) return (end(() => reject(interrupted())), true)
    if (byte === CTRL_U) typed.fill(0, (size = 0))
    else if (byte === BACKSPACE || byte === DELETE) size = withoutLast(typed, size)
    else if (size === longest) return (end(() => reject(tooLong())), true)
    else typed[size++] = byte
    return false
  }
  function take(chunk: Buffer): void {
    const at = chunk.findIndex((byte) => put(byte))
    // What was pasted after the line is the answer to the next question.
    if (at >= 0 && at + 1 < chunk.length) input.unshift(Buffer.from(chunk.subarray(at + 1)))
    chunk.fill(0)
  }
  // First: what is typed as soon as the question shows must not show itself.
  input.setRawMode(true)
  output.write(question)
  input.on("data", take).resume()
  return promise
}

/** Where the last character begins; in UTF-8 it may have several bytes. */
function withoutLast(typed: Uint8Array, size: number): number {
  let at = Math.max(0, size - 1)
  while (at > 0 && ((typed[at] ?? 0) & 0xc0) === 0x80) at -= 1
  typed.fill(0, at)
  return at
}

function interrupted(): AmcError {
  return new AmcError("run/interrupted", "stopped at the question for a passphrase")
}

function tooLong(): AmcError {
  return new AmcError("input/too-large", `a passphrase has at most ${longest} bytes`)
}
