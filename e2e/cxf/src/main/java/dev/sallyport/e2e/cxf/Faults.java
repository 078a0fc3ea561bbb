package dev.sallyport.e2e.cxf;

import jakarta.xml.soap.SOAPFault;
import jakarta.xml.ws.WebServiceException;
import jakarta.xml.ws.soap.SOAPFaultException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import javax.xml.namespace.QName;
import org.apache.cxf.helpers.DOMUtils;
import org.w3c.dom.Attr;
import org.w3c.dom.Element;

/** What a call that failed tells its caller, as a value. */
final class Faults {
  private Faults() {}

  static Map<String, Object> of(Callable<?> call) throws Exception {
    try {
      return Map.of("answer", call.call());
    } catch (OutOfStock declared) {
      OutOfStock.Detail detail = declared.getFaultInfo();
      return Map.of("declared", declared.getMessage(), "detail", List.of(detail.article, detail.left, detail.hint));
    } catch (SOAPFaultException fault) {
      return soap(fault.getFault());
    } catch (WebServiceException failure) {
      Throwable cause = failure;
      while (cause.getCause() != null && cause.getCause() != cause) {
        cause = cause.getCause();
      }
      String name = cause.getClass().getName();
      // Which of its two clocks runs out first, CXF leaves to chance.
      return Map.of("failure", name.contains("Timeout") ? "timed out" : name);
    }
  }

  private static Map<String, Object> soap(SOAPFault fault) {
    Map<String, Object> said = new LinkedHashMap<>();
    said.put("code", String.valueOf(fault.getFaultCodeAsQName()));
    said.put("subcodes", subcodes(fault));
    said.put("string", fault.getFaultString());
    List<Object> detail = new ArrayList<>();
    if (fault.getDetail() != null) {
      for (Element child = DOMUtils.getFirstElement(fault.getDetail());
          child != null;
          child = DOMUtils.getNextElement(child)) {
        detail.add(element(child));
      }
    }
    said.put("detail", detail);
    return said;
  }

  private static List<String> subcodes(SOAPFault fault) {
    List<String> codes = new ArrayList<>();
    if (fault.getElementQName().getNamespaceURI().contains("2003/05")) {
      for (Iterator<QName> each = fault.getFaultSubcodes(); each.hasNext(); ) {
        codes.add(each.next().toString());
      }
    }
    return codes;
  }

  private static Map<String, Object> element(Element element) {
    Map<String, Object> attributes = new LinkedHashMap<>();
    for (int index = 0; index < element.getAttributes().getLength(); index++) {
      Attr attribute = (Attr) element.getAttributes().item(index);
      if (!attribute.getName().startsWith("xmlns")) {
        attributes.put(attribute.getName(), attribute.getValue());
      }
    }
    return Map.of(
        "name", "{" + element.getNamespaceURI() + "}" + element.getLocalName(),
        "attributes", attributes,
        "text", element.getTextContent());
  }
}
