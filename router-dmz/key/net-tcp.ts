import { faultRecord } from "@sallyport/proto/net-tcp/framing-fault";
import { type Preamble, preambleBytesMax, readPreamble } from "@sallyport/proto/net-tcp/preamble";
import type { PreambleReader } from "../preamble.ts";

/** Reads what a net.tcp client says of the session that it wants. */
export const netTcpReader: PreambleReader<Preamble> = {
  bytesMax: preambleBytesMax,
  read(bytes) {
    const reading = readPreamble(bytes);
    switch (reading.t) {
      case "more":
        return { t: "more", bytes: bytes.length + 1 };
      case "read":
        return { t: "read", bytes: reading.bytes, value: reading.preamble };
      case "malformed": {
        const why = `is no net.tcp preamble: ${reading.why}`;
        return reading.fault === undefined
          ? { t: "refused", why }
          : { t: "refused", why, answer: faultRecord(reading.fault) };
      }
    }
  },
};
