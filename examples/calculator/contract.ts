/** Names that the WSDL, the SOAP service and its callers share. */

export const namespace = "http://sallyport.dev/examples/calculator";

/** Where the service is, on whatever host. */
export const path = "/calculator";

/** The action of a message of the contract, as WCF forms it: "Add", "AddResponse" … */
export function actionOf(message: string): string {
  return `${namespace}/ICalculator/${message}`;
}

/** The action of the one typed fault. */
export const divideByZeroAction = actionOf("DivideDivideByZeroFault");
