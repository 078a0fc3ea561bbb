package dev.sallyport.e2e.cxf;

import jakarta.activation.DataHandler;
import jakarta.mail.util.ByteArrayDataSource;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;

/** Bytes for large calls, the same in every run, and whether they came back. */
final class Content {
  private static final String NAME = "Päckchen";

  private Content() {}

  static byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  static Map<String, Object> mirrored(Orders orders, int length) {
    byte[] bytes = bytes(length);
    return compared(bytes, orders.mirrorBytes(bytes));
  }

  /** As a parcel: with MTOM a MIME part in each direction. */
  static Map<String, Object> mirroredParcel(Orders orders, int length) throws IOException {
    byte[] bytes = bytes(length);
    Parcel parcel = new Parcel();
    parcel.name = NAME;
    parcel.content = new DataHandler(new ByteArrayDataSource(bytes, "application/octet-stream"));
    Parcel mirrored = orders.mirror(parcel);
    if (!NAME.equals(mirrored.name)) {
      throw new IllegalStateException("the parcel came back with the name " + mirrored.name);
    }
    try (InputStream content = mirrored.content.getInputStream()) {
      return compared(bytes, content.readAllBytes());
    }
  }

  private static Map<String, Object> compared(byte[] sent, byte[] received) {
    return Map.of("bytes", received.length, "same", Arrays.equals(sent, received));
  }
}
