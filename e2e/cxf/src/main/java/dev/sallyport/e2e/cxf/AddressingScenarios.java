package dev.sallyport.e2e.cxf;

import jakarta.xml.ws.BindingProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.List;
import java.util.Map;
import org.apache.cxf.jaxws.JaxWsProxyFactoryBean;
import org.apache.cxf.ws.addressing.AddressingProperties;
import org.apache.cxf.ws.addressing.JAXWSAConstants;
import org.apache.cxf.ws.addressing.WSAddressingFeature;

/** WS-Addressing: headers that name addresses, and must not be touched. */
final class AddressingScenarios {
  static final Map<String, Scenarios.Scenario> ALL =
      Map.of(
          "addressing", calls -> addressed(calls.to("/addressing", AddressingScenarios::addressing)),
          "addressing12", calls -> addressed(calls.to("/addressing12", AddressingScenarios::addressing12)),
          "addressing-decoupled", AddressingScenarios::decoupled);

  private AddressingScenarios() {}

  private static void addressing(JaxWsProxyFactoryBean proxy) {
    proxy.getFeatures().add(new WSAddressingFeature());
  }

  private static void addressing12(JaxWsProxyFactoryBean proxy) {
    SoapScenarios.soap12(proxy);
    addressing(proxy);
  }

  private static Object addressed(Orders orders) throws Exception {
    String echo = orders.echo("addressed");
    Map<String, Object> context = ((BindingProvider) orders).getResponseContext();
    AddressingProperties in =
        (AddressingProperties) context.get(JAXWSAConstants.ADDRESSING_PROPERTIES_INBOUND);
    return List.of(
        echo,
        String.valueOf(in.getAction().getValue()),
        in.getTo().getValue(),
        in.getRelatesTo().getRelationshipType() == null ? "reply" : in.getRelatesTo().getRelationshipType(),
        Faults.of(() -> orders.take("Feder", 7)));
  }

  /**
   * The answer comes on a connection that the service opens to the client: the tunnel has no part in it. The service
   * takes its time, for CXF's client fails when the answer overtakes the 202 of the request.
   */
  private static Object decoupled(Calls calls) throws IOException {
    Orders orders = calls.to("/addressing", AddressingScenarios::addressing);
    Calls.policy(orders).setDecoupledEndpoint("http://127.0.0.1:" + freePort() + "/answers");
    return orders.waitFor(1000);
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
