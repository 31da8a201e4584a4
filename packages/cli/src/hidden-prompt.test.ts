import { PassThrough } from "node:stream"
import { text } from "@amc/core"
import { expect, test } from "vitest"
import { askHidden, type Terminal } from "./hidden-prompt.ts"

interface FakeTerminal extends Terminal {
  readonly keys: PassThrough
  readonly shown: string[]
  readonly raw: boolean[]
}

function newTerminal(): FakeTerminal {
  const [keys, shown, raw] = [new PassThrough(), [] as string[], [] as boolean[]]
  const input = Object.assign(keys, { setRawMode: (on: boolean) => (raw.push(on), keys) })
  const output = { write: (said: string) => shown.push(said) }
  return { input: input as unknown as Terminal["input"], output, keys, shown, raw }
}

async function answer(...typed: string[]): Promise<{ said: string; terminal: FakeTerminal }> {
  const terminal = newTerminal()
  const asked = askHidden(terminal, "passphrase: ")
  for (const piece of typed) terminal.keys.write(piece)
  return { said: text(await asked), terminal }
}

test.each([
  { why: "a line", typed: ["secret\r"], said: "secret" },
  { why: "keys one by one", typed: ["s", "e", "c", "\n"], said: "sec" },
  { why: "a letter taken back", typed: ["sex\u007Fc\r"], said: "sec" },
  { why: "a letter of several bytes taken back", typed: ["sé€\b\bec\r"], said: "sec" },
  { why: "more taken back than typed", typed: ["s\b\b\bx\r"], said: "x" },
  { why: "a line begun anew", typed: ["wrong\u0015right\r"], said: "right" },
  { why: "the end of input", typed: ["sec\u0004"], said: "sec" },
  { why: "nothing", typed: ["\r"], said: "" },
])("takes $why", async ({ typed, said }) => {
  expect((await answer(...typed)).said).toBe(said)
})

test("shows the question and nothing of the answer, and gives the terminal back", async () => {
  const { terminal } = await answer("secret\r")
  expect(terminal.shown).toEqual(["passphrase: ", "\n"])
  expect(terminal.raw).toEqual([true, false])
  expect(terminal.keys.isPaused()).toBe(true)
  expect(terminal.keys.listenerCount("data")).toBe(0)
})

test("what was pasted after the line answers the next question", async () => {
  const { terminal } = await answer("one\rtwo\r")
  expect(text(await askHidden(terminal, "again: "))).toBe("two")
})

test("Ctrl-C ends the command, and the terminal is given back", async () => {
  const terminal = newTerminal()
  const asked = askHidden(terminal, "passphrase: ")
  terminal.keys.write("sec\u0003")
  await expect(asked).rejects.toMatchObject({ code: "run/interrupted" })
  expect(terminal.raw).toEqual([true, false])
})

test("a flood is refused", async () => {
  await expect(answer("x".repeat(1025))).rejects.toMatchObject({ code: "input/too-large" })
  expect((await answer(`${"x".repeat(1024)}\r`)).said).toHaveLength(1024)
})

test("the terminal shows no keys any more when the question appears", async () => {
  const terminal = newTerminal()
  const echo: boolean[][] = []
  const output = { write: () => echo.push([...terminal.raw]) }
  const asked = askHidden({ ...terminal, output }, "passphrase: ")
  terminal.keys.write("secret\r")
  await asked
  expect(echo[0]).toEqual([true])
})
