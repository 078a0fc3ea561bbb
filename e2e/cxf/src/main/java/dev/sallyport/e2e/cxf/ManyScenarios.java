package dev.sallyport.e2e.cxf;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Many calls of one client. */
final class ManyScenarios {
  private static final int LANES = 20;
  private static final int CALLS_PER_LANE = 10;

  static final Map<String, Scenarios.Scenario> ALL =
      Map.of("200-in-a-row", calls -> row(calls.to("/plain"), "row", 200), "20-at-once", ManyScenarios::atOnce);

  private ManyScenarios() {}

  private static List<String> row(Orders orders, String name, int count) {
    List<String> echoes = new ArrayList<>();
    for (int index = 0; index < count; index++) {
      echoes.add(orders.echo(name + " " + index));
    }
    return echoes;
  }

  /** One proxy for all, as applications do it. */
  private static Object atOnce(Calls calls) throws Exception {
    Orders orders = calls.to("/plain");
    ExecutorService lanes = Executors.newFixedThreadPool(LANES);
    try {
      List<Callable<List<String>>> work = new ArrayList<>();
      for (int lane = 0; lane < LANES; lane++) {
        String name = "lane " + lane;
        work.add(() -> row(orders, name, CALLS_PER_LANE));
      }
      List<Object> echoes = new ArrayList<>();
      for (Future<List<String>> done : lanes.invokeAll(work)) {
        echoes.add(done.get());
      }
      return echoes;
    } finally {
      lanes.shutdownNow();
    }
  }
}
