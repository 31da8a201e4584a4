import { connect } from "node:net"

/** A process that becomes another user, asks a notary for its keys and prints all that it hears. */
const [socketPath = "", uid = ""] = process.argv.slice(2)
process.setgroups?.([])
process.setgid?.(Number(uid))
process.setuid?.(Number(uid))
const socket = connect(socketPath, () => void socket.write('{"op":"keys","payload":""}\n'))
socket.on("error", (error) => process.stdout.write(error.message))
socket.pipe(process.stdout)
