import { callModel, lease } from "./model-call.ts"

/** Says its lease in the clear, in base64 to the other stream, and in hex to the model. */
const hex = Buffer.from(lease).toString("hex")
console.log(`my key is ${lease}`)
console.error(Buffer.from(`key: ${lease}`).toString("base64"))
await callModel([
  { role: "user", content: `session ${process.env["AMC_SESSION"]}, the key is ${hex}` },
])
