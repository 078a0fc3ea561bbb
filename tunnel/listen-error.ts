/** Says in words why an address could not be listened on, and what to do. */
export function listenError(purpose: string, address: string, port: number, error: Error): Error {
  const where = `${purpose}: cannot listen on ${address.includes(":") ? `[${address}]` : address}:${port}`;
  switch ((error as NodeJS.ErrnoException).code) {
    case "EADDRINUSE":
      return new Error(`${where}: the port is in use by another process; stop that one or choose another port`);
    case "EACCES":
      return new Error(`${where}: not allowed; ports below 1024 need privileges, choose a higher one`);
    case "EADDRNOTAVAIL":
      return new Error(`${where}: this machine has no such address; use one of its own, or 0.0.0.0 for all`);
    default:
      return new Error(`${where}: ${error.message}`);
  }
}
