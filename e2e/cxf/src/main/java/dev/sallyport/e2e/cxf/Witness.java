package dev.sallyport.e2e.cxf;

import jakarta.servlet.http.HttpServletRequest;
import java.io.ByteArrayInputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.cxf.helpers.CastUtils;
import org.apache.cxf.interceptor.InterceptorProvider;
import org.apache.cxf.interceptor.MessageSenderInterceptor;
import org.apache.cxf.message.Message;
import org.apache.cxf.phase.AbstractPhaseInterceptor;
import org.apache.cxf.phase.Phase;
import org.apache.cxf.transport.common.gzip.GZIPOutInterceptor;
import org.apache.cxf.transport.http.AbstractHTTPDestination;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.server.Request;

/** Notes what comes in and goes out of one side: headers, and the length and digest of the body as it is on the wire. */
final class Witness {
  private final List<Map<String, Object>> sent = Collections.synchronizedList(new ArrayList<>());
  private final List<Map<String, Object>> received = Collections.synchronizedList(new ArrayList<>());

  void watch(InterceptorProvider side) {
    side.getInInterceptors().add(new In());
    side.getOutInterceptors().add(new Out());
    side.getOutFaultInterceptors().add(new Out());
  }

  /** What was noted since the last time. */
  Map<String, Object> tell() {
    return Map.of("sent", drain(sent), "received", drain(received));
  }

  private static List<Object> drain(List<Map<String, Object>> notes) {
    synchronized (notes) {
      List<Object> all = new ArrayList<>(notes);
      notes.clear();
      return all;
    }
  }

  /** Reads the body whole: a parser may stop before the last byte. */
  private final class In extends AbstractPhaseInterceptor<Message> {
    In() {
      super(Phase.RECEIVE);
      getBefore().add("org.apache.cxf.transport.common.gzip.GZIPInInterceptor");
      getBefore().add("org.apache.cxf.interceptor.AttachmentInInterceptor");
    }

    @Override
    public void handleMessage(Message message) {
      InputStream body = message.getContent(InputStream.class);
      if (body == null) {
        return;
      }
      try (body) {
        byte[] bytes = body.readAllBytes();
        message.setContent(InputStream.class, new ByteArrayInputStream(bytes));
        MessageDigest digest = sha256();
        digest.update(bytes);
        received.add(note(message, bytes.length, digest));
      } catch (IOException broken) {
        throw new UncheckedIOException(broken);
      }
    }
  }

  private final class Out extends AbstractPhaseInterceptor<Message> {
    Out() {
      super(Phase.PREPARE_SEND);
      getAfter().add(MessageSenderInterceptor.class.getName());
      getBefore().add(GZIPOutInterceptor.class.getName());
    }

    @Override
    public void handleMessage(Message message) {
      OutputStream body = message.getContent(OutputStream.class);
      if (body != null) {
        message.setContent(OutputStream.class, new Counted(body));
      }
    }
  }

  private final class Counted extends FilterOutputStream {
    private final MessageDigest digest = sha256();
    private long bytes;
    private boolean closed;

    Counted(OutputStream body) {
      super(body);
    }

    @Override
    public void write(int value) throws IOException {
      write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] from, int offset, int length) throws IOException {
      out.write(from, offset, length);
      digest.update(from, offset, length);
      bytes += length;
    }

    /** Noted before the last byte leaves, so that who has the answer finds the note. */
    @Override
    public void close() throws IOException {
      if (!closed) {
        closed = true;
        sent.add(body(bytes, digest));
      }
      out.close();
    }
  }

  private static Map<String, Object> note(Message message, long bytes, MessageDigest digest) {
    Map<String, Object> note = new LinkedHashMap<>();
    HttpServletRequest request = (HttpServletRequest) message.get(AbstractHTTPDestination.HTTP_REQUEST);
    if (request == null) {
      note.put("status", message.get(Message.RESPONSE_CODE));
      Map<String, List<String>> headers = CastUtils.cast((Map<?, ?>) message.get(Message.PROTOCOL_HEADERS));
      note.put("headers", responseHeaders(headers));
    } else {
      String query = request.getQueryString() == null ? "" : "?" + request.getQueryString();
      note.put("request", request.getMethod() + " " + request.getRequestURI() + query + " " + request.getProtocol());
      note.put("headers", requestHeaders(request));
      note.put("connection", request.getRemotePort());
    }
    note.putAll(body(bytes, digest));
    return note;
  }

  /** As they came: the servlet's own list has lost their order. */
  private static List<List<String>> requestHeaders(HttpServletRequest request) {
    List<List<String>> headers = new ArrayList<>();
    for (HttpField field : Request.getBaseRequest(request).getHttpFields()) {
      headers.add(List.of(field.getName(), String.valueOf(field.getValue())));
    }
    return headers;
  }

  /** In alphabetical order: CXF keeps no other. Java's own connection calls the status line's header null. */
  private static List<List<String>> responseHeaders(Map<String, List<String>> headers) {
    Map<String, List<String>> sorted = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    for (Map.Entry<String, List<String>> header : headers.entrySet()) {
      if (header.getKey() != null) {
        sorted.put(header.getKey(), header.getValue());
      }
    }
    List<List<String>> list = new ArrayList<>();
    sorted.forEach((name, values) -> values.forEach(value -> list.add(List.of(name, value))));
    return list;
  }

  private static Map<String, Object> body(long bytes, MessageDigest digest) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("bytes", bytes);
    body.put("sha256", HexFormat.of().formatHex(digest.digest()));
    return body;
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException(impossible);
    }
  }
}
