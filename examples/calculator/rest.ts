import { type Answer, problem } from "./answer.ts";
import { namespace } from "./contract.ts";
import { calculate, type Operation, parseInt32 } from "./operations.ts";
import { Refusal } from "./refusal.ts";

/** Answers GET /calculator/add?a=2&b=3 and its like with `{"result":5}` or a problem document. */
export function answerRest(operation: Operation, query: URLSearchParams): Answer {
  try {
    const result = calculate(operation, parameter(query, "a"), parameter(query, "b"));
    return { status: 200, headers: { "content-type": "application/json" }, body: `${JSON.stringify({ result })}\n` };
  } catch (error) {
    if (error instanceof Refusal) return badRequest(error);
    throw error;
  }
}

function parameter(query: URLSearchParams, name: string): number {
  const [text, second] = query.getAll(name);
  const of = `Parameter "${name}" of the query`;
  if (text === undefined) throw new Refusal({ t: "client" }, `${of} is missing; write it as in ?a=2&b=3.`);
  if (second !== undefined) throw new Refusal({ t: "client" }, `${of} is there twice.`);
  return parseInt32(name, text);
}

function badRequest({ why, message }: Refusal): Answer {
  if (why.t !== "divide-by-zero") return problem(400, "Bad Request", message);
  return problem(400, "Division by zero", message, {}, `${namespace}#DivideByZero`);
}
