package dev.sallyport.e2e.cxf;

import jakarta.jws.Oneway;
import jakarta.jws.WebMethod;
import jakarta.jws.WebParam;
import jakarta.jws.WebService;
import java.util.List;

/** The contract of every endpoint of {@link ServiceHost}. */
@WebService(name = "Orders", targetNamespace = Orders.NAMESPACE)
public interface Orders {
  String NAMESPACE = "http://sallyport.dev/e2e/cxf";

  /** The text as it came. */
  @WebMethod(action = NAMESPACE + "/Echo")
  String echo(@WebParam(name = "text") String text);

  /** A declared fault with detail when there are fewer than wanted: there are 3 of everything. */
  @WebMethod(action = NAMESPACE + "/Take")
  int take(@WebParam(name = "article") String article, @WebParam(name = "wanted") int wanted) throws OutOfStock;

  /** A fault that no contract tells of. */
  @WebMethod(action = NAMESPACE + "/Break")
  String breakDown(@WebParam(name = "message") String message);

  @Oneway
  @WebMethod(action = NAMESPACE + "/Note")
  void note(@WebParam(name = "topic") String topic, @WebParam(name = "text") String text);

  /** The notes on a topic in the order in which they came. */
  @WebMethod(action = NAMESPACE + "/Notes")
  List<String> notes(@WebParam(name = "topic") String topic);

  /** The parcel as it came. */
  @WebMethod(action = NAMESPACE + "/Mirror")
  Parcel mirror(@WebParam(name = "parcel") Parcel parcel);

  /** The bytes as they came: base64 within the envelope unless MTOM is on. */
  @WebMethod(action = NAMESPACE + "/MirrorBytes")
  byte[] mirrorBytes(@WebParam(name = "bytes") byte[] bytes);

  /** Name of the user that authenticated; "nobody". */
  @WebMethod(action = NAMESPACE + "/WhoAmI")
  String whoAmI();

  /** The cookies that came; sets two, the path of the second being the endpoint's. */
  @WebMethod(action = NAMESPACE + "/Visit")
  String visit();

  /** Answers after that time. */
  @WebMethod(action = NAMESPACE + "/Wait")
  String waitFor(@WebParam(name = "milliseconds") int milliseconds);
}
