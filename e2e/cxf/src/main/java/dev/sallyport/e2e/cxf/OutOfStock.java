package dev.sallyport.e2e.cxf;

import jakarta.xml.bind.annotation.XmlAccessType;
import jakarta.xml.bind.annotation.XmlAccessorType;
import jakarta.xml.bind.annotation.XmlType;
import jakarta.xml.ws.WebFault;

@WebFault(name = "OutOfStock", targetNamespace = Orders.NAMESPACE)
public class OutOfStock extends Exception {
  private static final long serialVersionUID = 1L;

  private final transient Detail detail;

  public OutOfStock(String message, Detail detail) {
    super(message);
    this.detail = detail;
  }

  public OutOfStock(String message, Detail detail, Throwable cause) {
    super(message, cause);
    this.detail = detail;
  }

  /** JAX-WS reads the fault's detail by this name. */
  public Detail getFaultInfo() {
    return detail;
  }

  @XmlAccessorType(XmlAccessType.FIELD)
  @XmlType(name = "OutOfStockDetail", namespace = Orders.NAMESPACE)
  public static class Detail {
    public String article;
    public int left;
    public String hint;
  }
}
