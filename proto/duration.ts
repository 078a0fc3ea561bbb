import { refuse, textOfForm } from "./field.ts";
import { matchesRule, rules } from "./kubernetes-hint.ts";

/** Gateway API's durations, GEP-2257: "30s", "1h30m", "500ms". */

const unitMs = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;

const form = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;
const what = 'a duration such as "30s", "1h30m" or "500ms"; put the unit behind the number';
const formRule = { rule: matchesRule(form.source), message: `must be ${what}` };
const part = /([0-9]{1,5})(h|ms|m|s)/g;

/** Milliseconds of a duration that the schema has taken. */
export function durationMs(duration: string): number {
  let sum = 0;
  for (const [, count, unit] of duration.matchAll(part)) sum += Number(count) * unitMs[unit as keyof typeof unitMs];
  return sum;
}

/** A duration no shorter than `min` and no longer than `max`, both durations. It stays text. */
export function durationBetween(min: string, max: string) {
  return textOfForm(what, form, 32)
    .superRefine((duration, context) => {
      if (!form.test(duration)) return;
      const ms = durationMs(duration);
      if (ms < durationMs(min)) refuse(context, [], `is shorter than ${min}, the least allowed`);
      if (ms > durationMs(max)) refuse(context, [], `is longer than ${max}, the most allowed`);
    })
    .meta(
      rules(formRule, {
        rule: `!${formRule.rule} || duration(self) >= duration('${min}') && duration(self) <= duration('${max}')`,
        message: `must be from ${min} to ${max}; give a duration such as "${min}" in these bounds`,
      }),
    );
}
