import { readFileSync } from "node:fs"
import { parseArgs } from "node:util"
import { type ModelServerOptions, startModelServer } from "./server.ts"

const usage = "usage: main.ts (--socket <path> | --port <number>) --key-file <path>"

try {
  const server = await startModelServer(optionsOf(process.argv.slice(2)))
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => void server.close())
  console.log(`listening ${server.url.replace(/^unix:/, "")}`)
} catch (error) {
  console.error(`failed: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}

function optionsOf(args: string[]): ModelServerOptions {
  const { values } = parseArgs({
    args,
    options: {
      socket: { type: "string" },
      port: { type: "string" },
      "key-file": { type: "string" },
    },
  })
  const { socket, port, "key-file": keyFile } = values
  if (keyFile === undefined || (socket === undefined) === (port === undefined))
    throw new Error(usage)
  const apiKey = readFileSync(keyFile, "utf8").trim()
  if (socket !== undefined) return { apiKey, socketPath: socket }
  if (!/^\d{1,5}$/.test(port ?? "")) throw new Error(usage)
  return { apiKey, port: Number(port) }
}
