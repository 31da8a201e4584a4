// The server that is measured takes no host and would listen on every address of the machine.
const { Server } = require("node:net")
const listen = Server.prototype.listen
Server.prototype.listen = function (...given) {
  const [first, ...rest] = given
  if (typeof first === "object" && first !== null && first.port !== undefined)
    return listen.call(this, { ...first, host: "127.0.0.1" }, ...rest)
  if (typeof first === "number" || /^\d+$/.test(String(first))) {
    const then = given.find((each) => typeof each === "function")
    return listen.call(this, { port: Number(first), host: "127.0.0.1" }, then)
  }
  return listen.apply(this, given)
}
