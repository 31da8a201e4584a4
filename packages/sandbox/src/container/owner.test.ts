import { spawn } from "node:child_process"
import { once } from "node:events"
import { expect, test } from "vitest"
import { hasEnded, ownerOf } from "./owner.ts"

const [boot, namespace, pid, started] = ownerOf("self").split(" ")

test.each([
  { why: "this very process", owner: ownerOf("self"), ended: false },
  { why: "this one, with a run beside it", owner: `${ownerOf("self")} amc-1`, ended: false },
  { why: "another that has its number now", owner: `${boot} ${namespace} ${pid} 1`, ended: true },
  { why: "one of before the last start", owner: `x ${namespace} ${pid} ${started}`, ended: true },
  { why: "one that can't be seen from here", owner: `${boot} pid:[1] ${pid} 1`, ended: false },
  { why: "no process", owner: `${boot} ${namespace} ../1 1`, ended: false },
])("a monitor that is $why: ended $ended", ({ owner, ended }) => {
  expect(hasEnded(owner)).toBe(ended)
})

test("a monitor that was killed has ended", async () => {
  const child = spawn("sleep", ["300"])
  await once(child, "spawn")
  const owner = ownerOf(child.pid ?? 0)
  expect(hasEnded(owner)).toBe(false)
  const gone = once(child, "exit")
  child.kill("SIGKILL")
  await gone
  expect(hasEnded(owner)).toBe(true)
})
