package dev.sallyport.e2e.cxf;

import jakarta.xml.ws.soap.SOAPBinding;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.cxf.jaxws.JaxWsServerFactoryBean;
import org.apache.cxf.transport.common.gzip.GZIPFeature;
import org.apache.cxf.ws.addressing.WSAddressingFeature;

/**
 * The service, one endpoint for each way to talk to it. Arguments: port, folder of keys. Asked anything, it answers
 * what came and went since it was asked last.
 */
public final class ServiceHost {
  private final String base;
  private final Path keys;
  private final Witness witness = new Witness();

  private ServiceHost(int port, Path keys) {
    this.base = "http://127.0.0.1:" + port;
    this.keys = keys;
  }

  public static void main(String[] arguments) throws Exception {
    Conversation.quieten();
    ServiceHost host = new ServiceHost(Integer.parseInt(arguments[0]), Path.of(arguments[1]));
    host.publishAll();
    Conversation.hold("ready", any -> host.witness.tell());
    // Jetty's threads would keep the process.
    System.exit(0);
  }

  private void publishAll() {
    publish("/plain", endpoint -> {});
    publish("/soap12", endpoint -> endpoint.setBindingId(SOAPBinding.SOAP12HTTP_BINDING));
    publish("/addressing", endpoint -> endpoint.getFeatures().add(new WSAddressingFeature()));
    publish(
        "/addressing12",
        endpoint -> {
          endpoint.setBindingId(SOAPBinding.SOAP12HTTP_BINDING);
          endpoint.getFeatures().add(new WSAddressingFeature());
        });
    publish("/mtom", endpoint -> endpoint.setProperties(Map.of("mtom-enabled", true)));
    publish("/gzip", endpoint -> endpoint.getFeatures().add(new GZIPFeature()));
    publish("/user", Security::demandUsernameToken);
    publish("/signed", endpoint -> Security.signAndEncrypt(endpoint, keys, "service", "client"));
    publish(
        "/signed12",
        endpoint -> {
          endpoint.setBindingId(SOAPBinding.SOAP12HTTP_BINDING);
          endpoint.getFeatures().add(new WSAddressingFeature());
          Security.signAndEncrypt(endpoint, keys, "service", "client");
        });
  }

  private void publish(String path, Consumer<JaxWsServerFactoryBean> with) {
    JaxWsServerFactoryBean endpoint = new JaxWsServerFactoryBean();
    endpoint.setServiceBean(new OrdersService());
    endpoint.setAddress(base + path);
    with.accept(endpoint);
    witness.watch(endpoint);
    endpoint.create();
  }
}
