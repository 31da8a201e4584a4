import { join } from "node:path"
import { expect, test } from "vitest"
import { taskOfSession } from "./task.ts"

const work = join(import.meta.dirname, "../work")

test.each([
  { session: 1, name: "01-pagination" },
  { session: 5, name: "05-slug" },
  { session: 6, name: "01-pagination" },
  { session: 13, name: "03-csv-row" },
])("session $session works on $name", ({ session, name }) => {
  const task = taskOfSession(work, session)
  expect(task).toMatchObject({ name, folder: join(work, "tasks", name) })
  expect(task.request).toMatch(/^# /)
})

test.each([0, -1, 1.5, NaN])("there is no session %d", (session) => {
  expect(() => taskOfSession(work, session)).toThrow("whole number from 1")
})

test("a folder without tasks is refused", () => {
  expect(() => taskOfSession(import.meta.dirname, 1)).toThrow("holds no task")
})
