package dev.sallyport.e2e.cxf;

import java.util.LinkedHashMap;
import java.util.Map;

/** Every scenario by name. Its result must not depend on the way that the calls take. */
final class Scenarios {
  interface Scenario {
    Object play(Calls calls) throws Exception;
  }

  private static final Map<String, Scenario> ALL = new LinkedHashMap<>();

  static {
    ALL.putAll(SoapScenarios.ALL);
    ALL.putAll(SecurityScenarios.ALL);
    ALL.putAll(AddressingScenarios.ALL);
    ALL.putAll(TransferScenarios.ALL);
    ALL.putAll(HttpScenarios.ALL);
    ALL.putAll(ManyScenarios.ALL);
  }

  private Scenarios() {}

  static Scenario named(String name) {
    Scenario scenario = ALL.get(name);
    if (scenario == null) {
      throw new IllegalArgumentException("no scenario " + name + "; there are " + ALL.keySet());
    }
    return scenario;
  }
}
