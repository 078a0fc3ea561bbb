import type { LabelSelector } from "@sallyport/proto/pod-template";

/** Whether the labels fit: the meaning of `metav1.LabelSelector`, where an empty selector fits everything. */
export function fitsSelector(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return equal && (selector.matchExpressions ?? []).every((expression) => fitsExpression(expression, labels));
}

type Expression = NonNullable<LabelSelector["matchExpressions"]>[number];

function fitsExpression({ key, operator, values = [] }: Expression, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    // As Kubernetes has it: a label that is not there is not in the values.
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
}
