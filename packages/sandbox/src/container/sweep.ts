import { setTimeout as pause } from "node:timers/promises"
import { isFault } from "@amc/core"
import type { Engine } from "./engine.ts"
import { hasEnded, ownerLabel } from "./owner.ts"

/** What engines list: containers and networks with their labels at the top, images too. */
interface Listed {
  readonly Id?: unknown
  readonly Labels?: Readonly<Record<string, string>> | null
}

const kinds = [
  {
    list: "/containers/json",
    query: { all: "1" },
    path: "/containers",
    how: { force: "1", v: "1" },
  },
  { list: "/networks", query: {}, path: "/networks", how: {} },
  { list: "/images/json", query: {}, path: "/images", how: { force: "1" } },
] as const

/**
 * Removes what monitors that are no more have left in the engine. Whatever can't be removed now is left for
 * the next time.
 */
export async function sweep(engine: Engine): Promise<void> {
  const filters = JSON.stringify({ label: [ownerLabel] })
  for (const { list, query, path, how } of kinds) {
    const listed = (await engine.json({
      method: "GET",
      path: list,
      query: { ...query, filters },
    })) as readonly Listed[]
    const left = listed.filter(({ Labels }) => isLeft(Labels?.[ownerLabel]))
    for (const { Id } of left) await remove(engine, `${path}/${String(Id)}`, how)
  }
}

const mostTries = 5
const pauseMs = 200

/**
 * Removes one thing of an engine's; that it is gone already is as good. An engine that refuses, since it is about
 * the same layers for another run just now, is asked again.
 */
export async function remove(
  engine: Engine,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<void> {
  for (let tries = 0; tries < mostTries; tries++) {
    if (tries > 0) await pause(pauseMs)
    if (await isRemoved(engine, path, query)) return
  }
}

async function isRemoved(
  engine: Engine,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<boolean> {
  try {
    await engine.found({ method: "DELETE", path, query })
    return true
  } catch (error) {
    // An engine that is gone has nothing to remove.
    return !isFault(error) || error.code !== "sandbox/start-failed"
  }
}

function isLeft(owner: string | undefined): boolean {
  return owner !== undefined && hasEnded(owner)
}
