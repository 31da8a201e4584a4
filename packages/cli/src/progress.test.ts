import { expect, test } from "vitest"
import { Progress } from "./progress.ts"

function screen(isTTY: boolean): { progress: Progress; written: () => string } {
  const texts: string[] = []
  const stream = { isTTY, write: (text: string) => texts.push(text) > 0 }
  return {
    progress: new Progress(stream as unknown as NodeJS.WriteStream),
    written: () => texts.join(""),
  }
}

const wipe = "\r\u001B[2K"

test("shows one line that replaces the one before, and takes it away once", () => {
  const { progress, written } = screen(true)
  progress.show("one")
  progress.show("two")
  progress.end()
  progress.end()
  expect(written()).toBe(`${wipe}one${wipe}two${wipe}`)
})

test("writes nothing where nobody looks", () => {
  const { progress, written } = screen(false)
  progress.show("one")
  progress.end()
  expect(written()).toBe("")
})

test.each([
  { why: "a person looks", isTTY: true, expected: `${wipe}work${wipe}said\n` },
  { why: "nobody looks", isTTY: false, expected: "said\n" },
])("a line stays, and the progress makes way for it, where $why", ({ isTTY, expected }) => {
  const { progress, written } = screen(isTTY)
  progress.show("work")
  progress.line("said")
  expect(written()).toBe(expected)
})

test("what it is told can't steer the terminal", () => {
  const { progress, written } = screen(true)
  progress.show("a\u001B[31mb\n")
  progress.line("c\rd\u202E")
  expect(written()).toBe(`${wipe}a\\u{1b}[31mb\\u{a}${wipe}c\\u{d}d\\u{202e}\n`)
})
