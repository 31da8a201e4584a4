import { createSocket } from "node:dgram"
import { once } from "node:events"
import { createServer } from "node:net"

/** The internet of the matrix: what the probe dials answers, whatever was asked. */
const tcp = [
  { host: "1.1.1.1", port: 443 },
  { host: "169.254.169.254", port: 80 },
]
for (const at of tcp) {
  const server = createServer((socket) => socket.on("error", () => undefined).end())
  await once(server.listen(at), "listening")
}
const names = createSocket("udp4")
names.on("message", (bytes, { address, port }) => names.send(bytes, port, address))
names.bind(53, "8.8.8.8")
await once(names, "listening")
process.stdout.write("listening\n")
