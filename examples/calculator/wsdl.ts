import { actionOf, divideByZeroAction, namespace, path } from "./contract.ts";
import { operations } from "./operations.ts";
import { escapeXml } from "./xml.ts";

/** The WSDL 1.1 of the service, both SOAP bindings. `origin` is scheme and host as the caller sees them: "https://x:8443". */
export function writeWsdl(origin: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>
<wsdl:definitions name="Calculator" targetNamespace="${namespace}"
    xmlns:tns="${namespace}"
    xmlns:xs="http://www.w3.org/2001/XMLSchema"
    xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"
    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/"
    xmlns:wsam="http://www.w3.org/2007/05/addressing/metadata">
  <wsdl:types>
    <xs:schema targetNamespace="${namespace}" elementFormDefault="qualified">
${operations.map(operationElements).join("\n")}
${element(
  "DivideByZero",
  ["a", "b"].map((name) => [name, "xs:int"]),
)}
${element("Log", [["message", "xs:string"]])}
    </xs:schema>
  </wsdl:types>
${messageNames.map(message).join("\n")}
  <wsdl:message name="DivideByZero"><wsdl:part name="detail" element="tns:DivideByZero"/></wsdl:message>
  <wsdl:portType name="ICalculator">
${[...operations.map(portOperation), portLog].join("\n")}
  </wsdl:portType>
${binding("CalculatorSoap", "soap")}
${binding("CalculatorSoap12", "soap12")}
  <wsdl:service name="Calculator">
${port("CalculatorSoap", "soap", origin)}
${port("CalculatorSoap12", "soap12", origin)}
  </wsdl:service>
</wsdl:definitions>
`;
}

type SoapPrefix = "soap" | "soap12";

const messageNames = [...operations.flatMap((name) => [name, `${name}Response`]), "Log"];

function operationElements(name: string): string {
  const request = element(
    name,
    ["a", "b"].map((parameter) => [parameter, "xs:int"]),
  );
  return `${request}\n${element(`${name}Response`, [[`${name}Result`, "xs:int"]])}`;
}

function element(name: string, fields: readonly (readonly string[])[]): string {
  const content = fields.map(([field, type]) => `        <xs:element name="${field}" type="${type}"/>`);
  return `      <xs:element name="${name}"><xs:complexType><xs:sequence>
${content.join("\n")}
      </xs:sequence></xs:complexType></xs:element>`;
}

function message(name: string): string {
  return `  <wsdl:message name="${name}"><wsdl:part name="parameters" element="tns:${name}"/></wsdl:message>`;
}

function portOperation(name: string): string {
  const fault = `
      <wsdl:fault name="DivideByZero" message="tns:DivideByZero" wsam:Action="${divideByZeroAction}"/>`;
  return `    <wsdl:operation name="${name}">
      <wsdl:input message="tns:${name}" wsam:Action="${actionOf(name)}"/>
      <wsdl:output message="tns:${name}Response" wsam:Action="${actionOf(`${name}Response`)}"/>${name === "Divide" ? fault : ""}
    </wsdl:operation>`;
}

/** One-way: an operation without output. */
const portLog = `    <wsdl:operation name="Log">
      <wsdl:input message="tns:Log" wsam:Action="${actionOf("Log")}"/>
    </wsdl:operation>`;

function binding(name: string, soap: SoapPrefix): string {
  return `  <wsdl:binding name="${name}" type="tns:ICalculator">
    <${soap}:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
${[...operations, "Log"].map((operation) => bindingOperation(operation, soap)).join("\n")}
  </wsdl:binding>`;
}

function bindingOperation(name: string, soap: SoapPrefix): string {
  const literal = `<${soap}:body use="literal"/>`;
  const output = name === "Log" ? "" : `\n      <wsdl:output>${literal}</wsdl:output>`;
  const fault = `\n      <wsdl:fault name="DivideByZero"><${soap}:fault name="DivideByZero" use="literal"/></wsdl:fault>`;
  return `    <wsdl:operation name="${name}">
      <${soap}:operation soapAction="${actionOf(name)}" style="document"/>
      <wsdl:input>${literal}</wsdl:input>${output}${name === "Divide" ? fault : ""}
    </wsdl:operation>`;
}

function port(name: string, soap: SoapPrefix, origin: string): string {
  const location = escapeXml(`${origin}${path}`);
  return `    <wsdl:port name="${name}" binding="tns:${name}"><${soap}:address location="${location}"/></wsdl:port>`;
}
