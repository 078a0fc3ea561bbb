import { parseArgs } from "node:util";

export const rows = ["calls", "bulk", "beside", "rate"] as const;
export type Row = (typeof rows)[number];

export interface Options {
  readonly quick: boolean;
  readonly json: boolean;
  readonly help: boolean;
  readonly rows: ReadonlySet<Row>;
  /** Where the plot goes besides. */
  readonly svg: string | undefined;
  readonly profile: boolean;
}

export const help = `Usage: npm run bench -- [options]

Measures the tunnel on this machine, beside no tunnel, a bare proxy on Node and HAProxy (where it is installed). Starts and
stops everything by itself, all on loopback. Figures go to the terminal and to bench/results/.

  --quick        fewer and shorter rounds, about 40 s instead of 3 minutes
  --rows LIST    only these, by comma: ${rows.join(", ")}
  --json         print the results as JSON
  --svg FILE     write the plot there as well
  --profile      only a CPU profile of R1 and R2 under small calls; open the files with Chrome's DevTools
  --help         this

Exit codes: 0 all that must hold holds, 1 something does not, 2 it could not be measured.
`;

/** Throws with the mend for what is no option. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      rows: { type: "string" },
      svg: { type: "string" },
    },
  });
  const { quick, json, profile, svg } = values;
  return { quick, json, profile, svg, help: values.help, rows: parseRows(values.rows) };
}

function parseRows(list: string | undefined): ReadonlySet<Row> {
  if (list === undefined) return new Set(rows);
  return new Set(
    list.split(",").map((name) => {
      const row = rows.find((known) => known === name.trim());
      if (row === undefined) throw new Error(`--rows: there is no row ${name}; there are ${rows.join(", ")}`);
      return row;
    }),
  );
}
