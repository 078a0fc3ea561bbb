package dev.sallyport.e2e.cxf;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.cxf.Bus;
import org.apache.cxf.BusFactory;
import org.apache.cxf.bus.extension.ExtensionManagerBus;

/**
 * The client. Argument: folder of keys. Asked {@code <conduit> <base URL> <scenario>}, it plays the scenario against
 * the service at that address and answers its result with what came and went. It knows nothing of a tunnel.
 */
public final class ClientMain {
  private final Path keys;
  /** By the name of CXF's two ways to speak HTTP: Java's HttpClient, its default, and HttpURLConnection. */
  private final Map<String, Bus> buses =
      Map.of("httpclient", bus(false), "urlconnection", bus(true));

  private ClientMain(Path keys) {
    this.keys = keys;
  }

  public static void main(String[] arguments) throws Exception {
    Conversation.quieten();
    ClientMain client = new ClientMain(Path.of(arguments[0]));
    Conversation.hold("ready", client::play);
    System.exit(0);
  }

  private Map<String, Object> play(String question) throws Exception {
    String[] words = question.split(" ");
    Bus bus = buses.get(words[0]);
    Witness witness = new Witness();
    BusFactory.setThreadDefaultBus(bus);
    try (Calls calls = new Calls(bus, words[1], keys, witness)) {
      Map<String, Object> answer = new LinkedHashMap<>();
      answer.put("result", Scenarios.named(words[2]).play(calls));
      answer.putAll(witness.tell());
      return answer;
    }
  }

  private static Bus bus(boolean isUrlConnection) {
    Bus bus = new ExtensionManagerBus();
    bus.setProperty("force.urlconnection.http.conduit", isUrlConnection);
    return bus;
  }
}
