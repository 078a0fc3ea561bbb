package dev.sallyport.e2e.cxf;

import jakarta.xml.ws.BindingProvider;
import jakarta.xml.ws.soap.SOAPBinding;
import java.io.IOException;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.cxf.transport.common.gzip.GZIPFeature;
import org.apache.cxf.transports.http.configuration.HTTPClientPolicy;

/** Large messages, and the ways to send a body. */
final class TransferScenarios {
  private static final int MEBIBYTE = 1024 * 1024;

  static final Map<String, Scenarios.Scenario> ALL =
      Map.of(
          "mtom-5MB", calls -> mtom(calls, policy -> {}),
          "mtom-5MB-with-length", calls -> mtom(calls, policy -> policy.setAllowChunking(false)),
          "20MB-chunked", calls -> mirror(calls, 20 * MEBIBYTE, policy -> policy.setChunkingThreshold(0)),
          "small-chunked", calls -> mirror(calls, 100, policy -> policy.setChunkingThreshold(0)),
          "100kB-chunked", calls -> mirror(calls, 100_000, policy -> {}),
          "100kB-with-length", calls -> mirror(calls, 100_000, policy -> policy.setAllowChunking(false)),
          "gzip", TransferScenarios::gzip);

  private TransferScenarios() {}

  private static Object mtom(Calls calls, Consumer<HTTPClientPolicy> with) throws IOException {
    Orders orders = calls.to("/mtom");
    ((SOAPBinding) ((BindingProvider) orders).getBinding()).setMTOMEnabled(true);
    with.accept(Calls.policy(orders));
    return Content.mirroredParcel(orders, 5 * MEBIBYTE);
  }

  private static Object mirror(Calls calls, int bytes, Consumer<HTTPClientPolicy> with) {
    Orders orders = calls.to("/plain");
    with.accept(Calls.policy(orders));
    return Content.mirrored(orders, bytes);
  }

  /** Request and response are compressed, and what is compressed is what goes over the wire. */
  private static Object gzip(Calls calls) {
    GZIPFeature gzip = new GZIPFeature();
    gzip.setThreshold(0);
    gzip.setForce(true);
    Orders orders = calls.to("/gzip", proxy -> proxy.getFeatures().add(gzip));
    return orders.echo("again and ".repeat(1000)).length();
  }
}
