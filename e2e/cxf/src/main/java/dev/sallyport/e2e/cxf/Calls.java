package dev.sallyport.e2e.cxf;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.apache.cxf.Bus;
import org.apache.cxf.endpoint.Client;
import org.apache.cxf.frontend.ClientProxy;
import org.apache.cxf.jaxws.JaxWsProxyFactoryBean;
import org.apache.cxf.transport.http.HTTPConduit;
import org.apache.cxf.transports.http.configuration.HTTPClientPolicy;

/** Makes the proxies of one scenario, and closes them after it. */
final class Calls implements AutoCloseable {
  private static final long LIMIT_MS = 60_000;

  final Bus bus;
  final String base;
  final Path keys;
  private final Witness witness;
  private final List<Client> clients = new ArrayList<>();

  Calls(Bus bus, String base, Path keys, Witness witness) {
    this.bus = bus;
    this.base = base;
    this.keys = keys;
    this.witness = witness;
  }

  Orders to(String path) {
    return to(path, proxy -> {});
  }

  Orders to(String path, Consumer<JaxWsProxyFactoryBean> with) {
    JaxWsProxyFactoryBean factory = new JaxWsProxyFactoryBean();
    factory.setBus(bus);
    factory.setServiceClass(Orders.class);
    factory.setAddress(base + path);
    with.accept(factory);
    Orders orders = factory.create(Orders.class);
    watch(orders);
    return orders;
  }

  /** Also for a proxy that was made elsewhere, such as from a WSDL. */
  void watch(Orders orders) {
    Client client = ClientProxy.getClient(orders);
    clients.add(client);
    witness.watch(client);
    HTTPClientPolicy policy = policy(orders);
    policy.setConnectionTimeout(LIMIT_MS);
    policy.setReceiveTimeout(LIMIT_MS);
  }

  static HTTPClientPolicy policy(Orders orders) {
    HTTPConduit conduit = (HTTPConduit) ClientProxy.getClient(orders).getConduit();
    if (conduit.getClient() == null) {
      conduit.setClient(new HTTPClientPolicy());
    }
    return conduit.getClient();
  }

  @Override
  public void close() {
    clients.forEach(Client::destroy);
  }
}
