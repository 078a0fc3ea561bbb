package dev.sallyport.e2e.cxf;

import jakarta.activation.DataHandler;
import jakarta.xml.bind.annotation.XmlAccessType;
import jakarta.xml.bind.annotation.XmlAccessorType;
import jakarta.xml.bind.annotation.XmlMimeType;
import jakarta.xml.bind.annotation.XmlType;

/** With MTOM its content is a MIME part of its own, else base64. */
@XmlAccessorType(XmlAccessType.FIELD)
@XmlType(name = "Parcel", namespace = Orders.NAMESPACE)
public class Parcel {
  public String name;

  @XmlMimeType("application/octet-stream")
  public DataHandler content;
}
