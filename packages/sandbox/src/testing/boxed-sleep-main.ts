import { driverNames } from "../driver.ts"
import { sandboxDriver } from "../drivers.ts"
import { makeRig, open } from "./rig.ts"

/** A monitor that boxes a sleeper in, for a test that kills it. `node boxed-sleep-main.ts <driver>` */
const name = driverNames.find((each) => each === process.argv[2]) ?? "docker"
const driver = sandboxDriver({ name, environment: process.env, image: null, network: "internal" })
const rig = await makeRig()
process.stdout.write(`${rig.folder}\n`)
const box = await open(rig.spec(["sleep", "300"]), driver)
await box.skipProbe()
await box.go()
process.stdout.write("asleep\n")
