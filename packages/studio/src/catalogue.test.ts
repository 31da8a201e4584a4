import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { type AuditCode, auditCodes, type FactType, factTypes } from "@amc/core"
import { expect, test } from "vitest"

const packages = fileURLToPath(new URL("../../", import.meta.url))
const emitters = ["ledger", "gateway", "sandbox", "studio"]

/** Fact types that nothing records yet, each with the reason. This list only gets shorter. */
const notEmittedYet: Partial<Record<FactType, string>> = {}

/** Audit codes that nothing records yet, each with the reason. This list only gets shorter. */
const notAuditedYet: Partial<Record<AuditCode, string>> = {}

/** The program text of a room, tests and their fixtures left out. */
function sourceOf(room: string, folder = "src"): string {
  const entries = readdirSync(join(packages, room, folder), { recursive: true, encoding: "utf8" })
  const files = entries.filter(
    (name) => name.endsWith(".ts") && !/\.(test|fixture)\.ts$/.test(name),
  )
  return files.map((name) => readFileSync(join(packages, room, folder, name), "utf8")).join("\n")
}

/** Whether a text makes a fact of this type: an observation, or a call that records one. */
function makesFact(text: string, type: string): boolean {
  const observation = `type: "${type}",`
  const call = `\\b(?:record|recordOutput)\\(\\s*"${type}",`
  return new RegExp(`${observation}|${call}`).test(text)
}

/** Whether a text holds an audit code as a value, and not only compares with it or lists it as a type. */
function makesAudit(text: string, code: string): boolean {
  return new RegExp(`(?<![=|&]\\s*)"${code}"(?!\\s*\\|)`).test(text)
}

function namesOf<T extends string>(names: readonly T[], text: string): T[] {
  return names.filter((name) => text.includes(`"${name}"`))
}

const emitting = emitters.map((room) => sourceOf(room)).join("\n")
const scoring = sourceOf("score")
const made = factTypes.filter((type) => makesFact(emitting, type))
const audited = auditCodes.filter((code) => makesAudit(emitting, code))

test("the sources are really looked at", () => {
  expect(emitting.length).toBeGreaterThan(100_000)
  expect(namesOf(factTypes, scoring).length).toBeGreaterThan(8)
  expect(factTypes.length).toBeGreaterThan(15)
})

test.each([
  { text: 'record({ type: "lease",\n channel })', makes: true },
  { text: 'opened.record(\n  "lease", "session", {})', makes: true },
  { text: 'recordOutput("lease", stream, terms)', makes: true },
  { text: 'if (event.type === "lease") return', makes: false },
  { text: 'readonly type: "lease" | "audit"', makes: false },
  { text: 'Extract<Event, { type: "lease" }>', makes: false },
  { text: 'findEvent("lease", 1)', makes: false },
])("tells what makes a fact from what reads one: $text", ({ text, makes }) => {
  expect(makesFact(text, "lease")).toBe(makes)
})

test.each([
  { text: 'audit("CODE", detail)', makes: true },
  { text: '? "CODE"\n : "OTHER"', makes: true },
  { text: 'if (code === "CODE") return', makes: false },
  { text: 'readonly code: "OTHER" | "CODE"', makes: false },
  { text: '"CODE" | "OTHER"', makes: false },
])("tells what makes an audit from what reads one: $text", ({ text, makes }) => {
  expect(makesAudit(text, "CODE")).toBe(makes)
})

test("every fact of the catalogue is recorded somewhere, or waits by name", () => {
  const waiting = factTypes.filter((type) => !made.includes(type))
  expect(waiting).toEqual(Object.keys(notEmittedYet))
})

test("every audit code is recorded somewhere, or waits by name", () => {
  const waiting = auditCodes.filter((code) => !audited.includes(code))
  expect(waiting).toEqual(Object.keys(notAuditedYet))
})

test("no fact is read by a score that nothing records", () => {
  expect(namesOf(factTypes, scoring).filter((type) => !made.includes(type))).toEqual([])
})

test("no audit is read by a score that nothing records", () => {
  expect(namesOf(auditCodes, scoring).filter((code) => !audited.includes(code))).toEqual([])
})
