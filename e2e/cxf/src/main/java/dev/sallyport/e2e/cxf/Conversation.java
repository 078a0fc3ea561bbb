package dev.sallyport.e2e.cxf;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * One line in, one line of JSON out: {@code {"answer": …}} or {@code {"error": …}}. Ends with standard input, so that
 * neither program outlives the test that started it.
 */
final class Conversation {
  interface Answer {
    Object to(String question) throws Exception;
  }

  private static final Logger ALL_LOGS = Logger.getLogger("");

  private Conversation() {}

  /** CXF tells of each service that it builds. */
  static void quieten() {
    ALL_LOGS.setLevel(Level.WARNING);
  }

  static void hold(Object first, Answer answer) throws IOException {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    // Whatever a library prints must not mix with the answers.
    System.setOut(System.err);
    out.println(Json.of(Map.of("answer", first)));
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      out.println(Json.of(reply(line, answer)));
    }
  }

  private static Map<String, Object> reply(String question, Answer answer) {
    try {
      return Map.of("answer", answer.to(question));
    } catch (Exception | LinkageError thrown) {
      thrown.printStackTrace();
      return Map.of("error", thrown.toString());
    }
  }
}
