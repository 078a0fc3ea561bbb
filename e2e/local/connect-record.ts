import { writeSync } from "node:fs";
import net from "node:net";

/** Loaded before a router (`--import`): says on standard error, as a log record, whenever the process dials. */
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function record(this: net.Socket, ...args: [never]): net.Socket {
  writeSync(2, `${JSON.stringify({ level: 30, msg: "this process dials" })}\n`);
  return connect.apply(this, args);
};
