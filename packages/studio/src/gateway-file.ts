import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { AmcError } from "@amc/core"
import { z } from "zod"
import type { Workspace } from "./workspace.ts"

const schema = z.strictObject({
  schema: z.literal("amc.gateway/v1"),
  pid: z.int().min(1),
  url: z.string().max(256),
  /** Of its egress proxy; null where no connection is allowed. */
  egress_url: z.string().max(256).nullable(),
  socket: z.string().min(1).max(4096),
})

/** Where a gateway that stands is reached, and its owner's commands. A hint: whether it is there shows when it is asked. */
export type GatewayFile = z.infer<typeof schema>

/** Lies in the state folder, so that nothing in the workspace can send the owner's commands elsewhere. */
export function readGatewayFile({ state, workspace }: Workspace): GatewayFile | null {
  try {
    return schema.parse(JSON.parse(readFileSync(state.gatewayPath(workspace), "utf8")))
  } catch {
    return null
  }
}

/** @throws {@link AmcError} `workspace/unwritable` */
export function writeGatewayFile({ state, workspace }: Workspace, file: GatewayFile): void {
  state.folderOf(workspace)
  const path = state.gatewayPath(workspace)
  try {
    writeFileSync(`${path}.tmp`, `${JSON.stringify(file)}\n`, { mode: 0o600 })
    renameSync(`${path}.tmp`, path)
  } catch (cause) {
    throw new AmcError("workspace/unwritable", `${path} can't be written`, { cause })
  }
}

/** Removes the file of this process. */
export function removeGatewayFile(workspace: Workspace, socket: string): void {
  if (readGatewayFile(workspace)?.socket === socket)
    rmSync(workspace.state.gatewayPath(workspace.workspace), { force: true })
}
