package dev.sallyport.e2e.cxf;

import jakarta.annotation.Resource;
import jakarta.jws.WebService;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.xml.ws.WebServiceContext;
import jakarta.xml.ws.handler.MessageContext;
import java.security.Principal;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

@WebService(
    serviceName = "OrdersService",
    portName = "OrdersPort",
    endpointInterface = "dev.sallyport.e2e.cxf.Orders",
    targetNamespace = Orders.NAMESPACE)
public class OrdersService implements Orders {
  private static final int IN_STOCK = 3;
  private static final Map<String, List<String>> NOTES = new ConcurrentHashMap<>();

  @Resource private WebServiceContext context;

  @Override
  public String echo(String text) {
    return text;
  }

  @Override
  public int take(String article, int wanted) throws OutOfStock {
    if (wanted <= IN_STOCK) {
      return IN_STOCK - wanted;
    }
    OutOfStock.Detail detail = new OutOfStock.Detail();
    detail.article = article;
    detail.left = IN_STOCK;
    detail.hint = "more <tomorrow> & später";
    throw new OutOfStock("too few of " + article, detail);
  }

  @Override
  public String breakDown(String message) {
    throw new IllegalStateException(message);
  }

  @Override
  public void note(String topic, String text) {
    NOTES.computeIfAbsent(topic, any -> new CopyOnWriteArrayList<>()).add(text);
  }

  @Override
  public List<String> notes(String topic) {
    return NOTES.getOrDefault(topic, List.of());
  }

  @Override
  public Parcel mirror(Parcel parcel) {
    return parcel;
  }

  @Override
  public byte[] mirrorBytes(byte[] bytes) {
    return bytes;
  }

  @Override
  public String whoAmI() {
    Principal principal = context.getUserPrincipal();
    return principal == null ? "nobody" : principal.getName();
  }

  @Override
  public String visit() {
    MessageContext message = context.getMessageContext();
    HttpServletRequest request = (HttpServletRequest) message.get(MessageContext.SERVLET_REQUEST);
    HttpServletResponse response = (HttpServletResponse) message.get(MessageContext.SERVLET_RESPONSE);
    response.addHeader("Set-Cookie", "visit=one; Path=/");
    response.addHeader("Set-Cookie", "taste=\"a b\"; Path=" + request.getRequestURI() + "; HttpOnly");
    return String.join("; ", Collections.list(request.getHeaders("Cookie")));
  }

  @Override
  public String waitFor(int milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
    return "waited";
  }
}
