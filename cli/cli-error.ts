/** Exit codes, as `sallyport --help` lists them. */
export const exitCodes = { fine: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** An end that the user can mend: its message is shown as it is, line by line, without a stack trace. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.name = "CliError";
    this.exitCode = exitCode;
  }
}
