package dev.sallyport.e2e.cxf;

import jakarta.xml.ws.BindingProvider;
import jakarta.xml.ws.Service;
import jakarta.xml.ws.soap.SOAPBinding;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import javax.xml.namespace.QName;
import org.apache.cxf.jaxws.JaxWsProxyFactoryBean;

/** Envelopes, faults, one-way calls, the WSDL. */
final class SoapScenarios {
  private static final String ODD = " ä€𝄞 <&> \"'\t]]> two  blanks \n next line ";

  static final Map<String, Scenarios.Scenario> ALL =
      Map.ofEntries(
          entry("wsdl", SoapScenarios::wsdl),
          entry("echo", calls -> calls.to("/plain").echo(ODD)),
          entry("echo12", calls -> calls.to("/soap12", SoapScenarios::soap12).echo(ODD)),
          entry("declared-fault", calls -> faults(calls.to("/plain"))),
          entry("declared-fault12", calls -> faults(calls.to("/soap12", SoapScenarios::soap12))),
          entry("one-way", calls -> notes(calls, calls.to("/plain"), 1)),
          entry("one-ways", calls -> notes(calls, calls.to("/plain"), 50)),
          entry("one-way12", calls -> notes(calls, calls.to("/soap12", SoapScenarios::soap12), 1)),
          entry("tunnel-faults", calls -> tunnelFaults(calls, proxy -> {})),
          entry("tunnel-faults12", calls -> tunnelFaults(calls, SoapScenarios::soap12)));

  private SoapScenarios() {}

  private static Map.Entry<String, Scenarios.Scenario> entry(String name, Scenarios.Scenario scenario) {
    return Map.entry(name, scenario);
  }

  static void soap12(JaxWsProxyFactoryBean proxy) {
    proxy.setBindingId(SOAPBinding.SOAP12HTTP_BINDING);
  }

  /** A client as the WSDL describes it, at the address that the WSDL names. */
  private static Object wsdl(Calls calls) throws Exception {
    Service service =
        Service.create(
            URI.create(calls.base + "/plain?wsdl").toURL(), new QName(Orders.NAMESPACE, "OrdersService"));
    Orders orders = service.getPort(Orders.class);
    calls.watch(orders);
    String address =
        (String) ((BindingProvider) orders).getRequestContext().get(BindingProvider.ENDPOINT_ADDRESS_PROPERTY);
    return Map.of(
        "address is the caller's", address.equals(calls.base + "/plain"),
        "echo", orders.echo("by the WSDL"));
  }

  private static Object faults(Orders orders) throws Exception {
    return List.of(
        Faults.of(() -> orders.take("Schraube", 2)),
        Faults.of(() -> orders.take("Schraube", 4)),
        Faults.of(() -> orders.breakDown("it <broke> & größer")));
  }

  /** Where no route leads, and where one leads to nobody. */
  private static Object tunnelFaults(Calls calls, Consumer<JaxWsProxyFactoryBean> with) throws Exception {
    return List.of(
        Faults.of(() -> calls.to("/nowhere", with).echo("lost")),
        Faults.of(() -> calls.to("/unreachable", with).echo("lost")));
  }

  /** The service executes a one-way call after it has said 202: ask until all are there. */
  private static Object notes(Calls calls, Orders orders, int count) throws InterruptedException {
    String topic = calls.base + "/" + System.nanoTime();
    for (int index = 0; index < count; index++) {
      orders.note(topic, "note " + index);
    }
    Orders reader = calls.to("/plain");
    List<String> notes = reader.notes(topic);
    for (int turn = 0; turn < 200 && notes.size() < count; turn++) {
      Thread.sleep(25);
      notes = reader.notes(topic);
    }
    return notes.stream().sorted().toList();
  }
}
