import { driverContract } from "../contract/driver.ts";
import { RealWorld } from "./real-driver.ts";

if (process.platform !== "win32") {
  driverContract("process driver", () => Promise.resolve(new RealWorld().warmed()));
}
