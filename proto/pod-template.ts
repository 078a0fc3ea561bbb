import { z } from "zod";
import { refuse, refuseRepeats, subdomain, textOfForm } from "./field.ts";
import { atomic, intOrString, mapBy, preserved, rules } from "./kubernetes-hint.ts";

/** What a tunnel may say of its routers' pods. The operator makes the rest of them. */

const qualifiedName = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = textOfForm(
  "a label's value: letters, digits, '-', '_' and '.', a letter or digit at each end",
  /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/,
  63,
);

const keysMax = 32;

const keyRule = {
  rule: `self.all(key, key.matches(r'${qualifiedName.source}'))`,
  message: 'must have keys such as "app" or "example.com/app"; rename the other ones',
};

/** Text by key, as labels and annotations are. */
function textByKey<Value extends z.ZodType<string>>(value: Value) {
  return z
    .record(z.string(), value)
    .superRefine((entries, context) => {
      const keys = Object.keys(entries);
      if (keys.length > keysMax) refuse(context, [], `has more than ${keysMax} entries`);
      for (const key of keys) {
        if (!qualifiedName.test(key)) refuse(context, [key], 'is not of a key such as "app" or "example.com/app"');
      }
    })
    .meta({ maxProperties: keysMax, ...rules(keyRule) });
}

/** Labels, as a selector or an addition. */
export const labels = textByKey(labelValue);
export const annotations = textByKey(z.string().max(4096));

/** The operator finds and selects by these. */
const ownPrefix = /^(app\.kubernetes\.io|sallyport\.dev)\//;

const ownRule = rules(keyRule, {
  rule: `!self.exists(key, key.startsWith('app.kubernetes.io/') || key.startsWith('sallyport.dev/'))`,
  message: "must leave app.kubernetes.io/ and sallyport.dev/ to the operator; choose another prefix",
});

const podLabels = labels
  .superRefine((entries, context) => {
    for (const key of Object.keys(entries)) {
      if (ownPrefix.test(key)) refuse(context, [key], "is of a label that the operator sets; choose another prefix");
    }
  })
  .meta(ownRule);

const quantityForm =
  /^(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$/;
const quantity = z
  .union([z.int().min(0), z.string().max(32).regex(quantityForm, 'is not an amount such as "500m", "1" or "256Mi"')], {
    error: 'is not an amount such as "500m", 1 or "256Mi"',
  })
  .meta({ ...intOrString, minimum: 0, maxLength: 32, pattern: quantityForm.source });

const amounts = z.strictObject({
  cpu: quantity.optional().describe('Processors: 1, or "500m" for half of one.'),
  memory: quantity.optional().describe('Bytes, such as "256Mi".'),
  "ephemeral-storage": quantity.optional().describe('Bytes of the node\'s disk, such as "1Gi".'),
});

const resources = z.strictObject({
  requests: amounts.optional().describe("What a node must have free for the pod."),
  limits: amounts.optional().describe("What the container may use at most."),
});

const toleration = z
  .strictObject({
    key: z.string().max(317).optional().describe("The taint's key. Left out: every taint's, with operator Exists."),
    operator: z
      .enum(["Exists", "Equal"])
      .default("Equal")
      .describe("Exists: whatever the taint's value. Equal: the taint's value is value."),
    value: z.string().max(63).optional().describe("The taint's value, for operator Equal."),
    effect: z
      .enum(["NoSchedule", "PreferNoSchedule", "NoExecute"])
      .optional()
      .describe("The effect that is tolerated. Left out: every one."),
    tolerationSeconds: z
      .int()
      .min(0)
      .max(2_147_483_647)
      .optional()
      .describe("How long the pod stays on a node that gets a taint with effect NoExecute. Left out: for ever."),
  })
  .superRefine((one, context) => {
    if (one.operator === "Exists" && one.value !== undefined) {
      refuse(context, ["value"], "is of no use with operator Exists; leave it out, or take Equal");
    }
    if (one.operator === "Equal" && one.key === undefined) {
      refuse(context, ["key"], "is missing; give the taint's key, or operator: Exists for every taint");
    }
  })
  .meta(
    rules(
      {
        rule: "self.operator != 'Exists' || !has(self.value)",
        message: "must have no value with operator Exists; leave value out, or take operator Equal",
      },
      {
        rule: "self.operator != 'Equal' || has(self.key)",
        message: "must have a key with operator Equal; give the taint's key, or operator Exists for every taint",
      },
    ),
  );

export const podTemplateSchema = z.strictObject({
  labels: podLabels.optional().describe("Labels of the pods, beside the operator's own."),
  annotations: annotations.optional().describe("Annotations of the pods, beside the operator's own."),
  resources: resources
    .optional()
    .describe("The router container's resources. Left out: what the operator finds right for a router."),
  nodeSelector: labels.optional().describe("Labels that a node must have to run the pods."),
  tolerations: z
    .array(toleration)
    .max(16)
    .meta(atomic)
    .optional()
    .describe("Taints of nodes that the pods put up with."),
  affinity: z
    .looseObject({})
    .meta(preserved)
    .optional()
    .describe(
      "A pod's affinity as Kubernetes knows it (kubectl explain pod.spec.affinity), beside what spread asks for.",
    ),
  spread: z
    .enum(["Preferred", "Required"])
    .default("Preferred")
    .describe(
      "How the pairs are kept on different nodes. Preferred: where there are enough. Required: a pod waits for a node of its own.",
    ),
  imagePullSecrets: z
    .array(z.strictObject({ name: subdomain.describe("The Secret's name, in the pods' namespace.") }))
    .max(8)
    .superRefine((secrets, context) =>
      refuseRepeats(secrets, context, { keyOf: ({ name }) => name, path: ["name"], what: "name" }),
    )
    .meta(mapBy("name"))
    .optional()
    .describe("Secrets for the registry of the routers' images."),
  priorityClassName: subdomain.optional().describe("The PriorityClass of the pods."),
});

export type PodTemplate = z.output<typeof podTemplateSchema>;

const expression = z
  .strictObject({
    key: textOfForm('a key such as "app" or "example.com/app"', qualifiedName, 317).describe("The label's key."),
    operator: z
      .enum(["In", "NotIn", "Exists", "DoesNotExist"])
      .describe(
        "In, NotIn: the label's value is one of values, or none. Exists, DoesNotExist: the label is there, or not.",
      ),
    values: z.array(labelValue).max(16).meta(atomic).optional().describe("For In and NotIn."),
  })
  .superRefine(({ operator, values }, context) => {
    const needsValues = operator === "In" || operator === "NotIn";
    if (needsValues && (values ?? []).length === 0) {
      refuse(context, ["values"], `is missing or empty; operator ${operator} compares with at least one`);
    } else if (!needsValues && (values ?? []).length > 0) {
      refuse(context, ["values"], `is of no use with operator ${operator}; leave it out`);
    }
  })
  .meta(
    rules(
      {
        rule: "!(self.operator in ['In', 'NotIn']) || has(self.values) && self.values.size() > 0",
        message: "must have values with operator In or NotIn; give at least one",
      },
      {
        rule: "self.operator in ['In', 'NotIn'] || !has(self.values) || self.values.size() == 0",
        message: "must have no values with operator Exists or DoesNotExist; leave values out",
      },
    ),
  );

/** `metav1.LabelSelector`. One that asks for nothing fits everything. */
export const labelSelectorSchema = z.strictObject({
  matchLabels: labels.optional().describe("Labels that all must be there."),
  matchExpressions: z.array(expression).max(16).meta(atomic).optional().describe("Requirements that all must hold."),
});

export type LabelSelector = z.output<typeof labelSelectorSchema>;
