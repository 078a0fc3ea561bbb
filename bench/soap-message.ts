/** A small SOAP call: about 400 bytes of envelope each way. */

export const soapPath = "/orders";

export const soapHeaders: readonly (readonly [string, string])[] = [
  ["Content-Type", "text/xml; charset=utf-8"],
  ["SOAPAction", '"http://example.com/orders/IOrders/GetStatus"'],
  ["User-Agent", "bench"],
];

export const soapRequest = envelope(
  "GetStatus",
  "<orderId>0f8fad5b-d9cb-469f-a165-70867728950e</orderId><customer>Adventure Works Cycles, Bothell</customer><detail>Short</detail><language>en</language><priority>3</priority><since>2026-01</since>",
);

export const soapResponse = envelope(
  "GetStatusResponse",
  "<orderId>0f8fad5b-d9cb-469f-a165-70867728950e</orderId><status>Shipped</status><carrier>Contoso Freight</carrier><due>2026-01-31T12:00:00Z</due><pieces>12</pieces>",
);

function envelope(element: string, content: string): string {
  const body = `<${element} xmlns="http://example.com/orders"><request>${content}</request></${element}>`;
  return `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`;
}
