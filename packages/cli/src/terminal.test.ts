import { expect, test } from "vitest"
import { steadyTerminal } from "./terminal.ts"

test.each([
  { isTTY: true, written: ["\u0018\u001B[0m\r"] },
  { isTTY: false, written: [] },
])("a terminal is set right, and a file left alone ($isTTY)", ({ isTTY, written }) => {
  const seen: unknown[] = []
  const write = (text: unknown): boolean => seen.push(text) > 0
  steadyTerminal({ isTTY, write } as NodeJS.WriteStream)
  expect(seen).toEqual(written)
})
