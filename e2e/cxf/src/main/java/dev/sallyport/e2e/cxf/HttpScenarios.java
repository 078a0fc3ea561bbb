package dev.sallyport.e2e.cxf;

import jakarta.xml.ws.BindingProvider;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.cxf.message.Message;

/** What a SOAP client of Java asks of HTTP. */
final class HttpScenarios {
  private static final String ECHO =
      "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><o:echo xmlns:o=\""
          + Orders.NAMESPACE
          + "\"><text>%s</text></o:echo></s:Body></s:Envelope>";

  static final Map<String, Scenarios.Scenario> ALL =
      Map.of(
          "cookies", HttpScenarios::cookies,
          "own-headers", HttpScenarios::ownHeaders,
          "expect", calls -> expect(calls, 10),
          "expect-large", calls -> expect(calls, 1_000_000),
          "expect-fault", HttpScenarios::expectFault,
          "offers-http2", HttpScenarios::offersHttp2,
          "timeout", HttpScenarios::timeout);

  private HttpScenarios() {}

  /** Two Set-Cookie headers of one answer come back with the next call. */
  private static Object cookies(Calls calls) {
    Orders orders = calls.to("/plain");
    context(orders).put(BindingProvider.SESSION_MAINTAIN_PROPERTY, true);
    return List.of(orders.visit(), orders.visit());
  }

  private static Object ownHeaders(Calls calls) {
    Orders orders = calls.to("/plain");
    context(orders)
        .put(
            Message.PROTOCOL_HEADERS,
            Map.of("X-ODD-case", List.of("one", "two"), "x-empty", List.of(""), "X-Long", List.of("v".repeat(6000))));
    return orders.echo("with headers");
  }

  private static Object expect(Calls calls, int bytes) {
    return Content.mirrored(expecting(calls), bytes);
  }

  private static Object expectFault(Calls calls) throws Exception {
    Orders orders = expecting(calls);
    return Faults.of(() -> orders.take("Nagel", 5));
  }

  private static Orders expecting(Calls calls) {
    Orders orders = calls.to("/plain");
    context(orders).put(Message.PROTOCOL_HEADERS, Map.of("Expect", List.of("100-continue")));
    return orders;
  }

  private static Map<String, Object> context(Orders orders) {
    return ((BindingProvider) orders).getRequestContext();
  }

  /** Java's HttpClient offers h2c with every first request to a host; an answer in HTTP/1.1 must do. */
  private static Object offersHttp2(Calls calls) throws IOException, InterruptedException {
    HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(calls.base + "/plain"))
            .timeout(Duration.ofSeconds(20))
            .header("Content-Type", "text/xml; charset=utf-8")
            .header("SOAPAction", "\"" + Orders.NAMESPACE + "/Echo\"")
            .POST(HttpRequest.BodyPublishers.ofString(ECHO.formatted("h2c?")))
            .build();
    HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
    return List.of(response.statusCode(), response.version().name(), response.body());
  }

  /** The caller gives up, then calls again. */
  private static Object timeout(Calls calls) throws Exception {
    Orders orders = calls.to("/plain");
    Calls.policy(orders).setReceiveTimeout(300);
    Object first = Faults.of(() -> orders.waitFor(1500));
    Calls.policy(orders).setReceiveTimeout(20_000);
    return List.of(first, orders.echo("again"));
  }
}
