import { actionOf, namespace, path } from "./contract.ts";

/** The page that tells a person what can be called here, with lines to paste into a shell. */
export function writeGuide(origin: string): string {
  const url = `${origin}${path}`;
  return `Calculator: the sample service of Sallyport.

REST
  curl '${url}/add?a=2&b=3'
  also: subtract, divide

SOAP 1.1
  curl ${url} -H 'Content-Type: text/xml' \\
    -H 'SOAPAction: "${actionOf("Add")}"' \\
    -d '${envelope("http://schemas.xmlsoap.org/soap/envelope/")}'

SOAP 1.2
  curl ${url} -H 'Content-Type: application/soap+xml; action="${actionOf("Add")}"' \\
    -d '${envelope("http://www.w3.org/2003/05/soap-envelope")}'

Operations: Add, Subtract, Divide (a, b: xs:int) and Log (message: xs:string; one-way).
WSDL: ${url}?wsdl
`;
}

function envelope(soap: string): string {
  return `<s:Envelope xmlns:s="${soap}"><s:Body><Add xmlns="${namespace}"><a>2</a><b>3</b></Add></s:Body></s:Envelope>`;
}
