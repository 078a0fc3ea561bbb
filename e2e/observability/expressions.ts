import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

const chart = new URL("../../charts/sallyport/", import.meta.url);

export const alertsFile = fileURLToPath(new URL("alerts/sallyport.yaml", chart));
export const alertTestsFile = fileURLToPath(new URL("alerts.promtool.yaml", import.meta.url));

export interface Expression {
  /** The panel's title and the query's letter, or the alert's name. */
  readonly name: string;
  readonly expr: string;
}

export interface Alert extends Expression {
  readonly annotations: Readonly<Record<string, string>>;
}

export function alerts(): readonly Alert[] {
  const file = parse(readFileSync(alertsFile, "utf8")) as { groups: { rules: (Alert & { alert: string })[] }[] };
  return file.groups.flatMap(({ rules }) => rules.map((rule) => ({ ...rule, name: rule.alert })));
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

/** Every query of the dashboard, as Grafana would ask it. */
export function panelQueries(rateInterval: string): readonly Expression[] {
  const dashboard = JSON.parse(readFileSync(new URL("dashboards/sallyport.json", chart), "utf8")) as {
    panels: readonly Panel[];
  };
  return dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ refId, expr }) => ({
      name: `${title} ${refId}`,
      expr: expr.replaceAll("$__rate_interval", rateInterval).replaceAll("$tunnel", ".+"),
    })),
  );
}

/** The series that an expression asks for: `name{labels}`, without the range. */
export function selectors(expr: string): readonly string[] {
  return [...expr.matchAll(/\b(?:(?:sallyport|process|nodejs)_\w+|up)\b(?:\{[^}]*\})?/g)].map(([selector]) => selector);
}
