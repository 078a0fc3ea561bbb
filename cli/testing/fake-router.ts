import { writeSync } from "node:fs";

/** A process for tests of `child.ts`: does what it is told over IPC and says what it got. */

process.on("message", (order: { readonly do: string }) => {
  switch (order.do) {
    case "report":
      process.send?.({ pid: process.pid, args: process.argv.slice(2), execArgv: process.execArgv });
      break;
    case "write":
      writeSync(1, `to stdout\n${"x\n".repeat(20_000)}and no line end`);
      writeSync(2, "to stderr\n");
      break;
    case "exit":
      process.exit(3);
  }
});
process.on("disconnect", () => process.exit(0));
