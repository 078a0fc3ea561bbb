package dev.sallyport.e2e.cxf;

import jakarta.xml.ws.BindingProvider;
import java.util.List;
import java.util.Map;
import org.apache.cxf.jaxws.JaxWsProxyFactoryBean;
import org.apache.cxf.ws.addressing.WSAddressingFeature;

/** WS-Security, and HTTP's own authentication. */
final class SecurityScenarios {
  static final Map<String, Scenarios.Scenario> ALL =
      Map.of(
          "username-token", calls -> withPassword(calls, Security.PASSWORD),
          "username-token-wrong", calls -> withPassword(calls, "guessed"),
          "signed-encrypted", SecurityScenarios::signedAndEncrypted,
          "signed-encrypted-addressed12", SecurityScenarios::signedEncryptedAddressed,
          "signed-encrypted-large", SecurityScenarios::large,
          "signed-by-stranger", SecurityScenarios::byStranger,
          "unsigned", calls -> Faults.of(() -> calls.to("/signed").echo("bare")),
          "basic", SecurityScenarios::basic);

  private SecurityScenarios() {}

  private static Object withPassword(Calls calls, String password) throws Exception {
    Orders orders = calls.to("/user", proxy -> Security.sendUsernameToken(proxy, password));
    return Faults.of(orders::whoAmI);
  }

  private static Object signedAndEncrypted(Calls calls) throws Exception {
    Orders orders = calls.to("/signed", proxy -> Security.signAndEncrypt(proxy, calls.keys, "client", "service"));
    return List.of(
        orders.echo("  sealed <&> \r\n lines "),
        Faults.of(() -> orders.take("Mutter", 9)),
        orders.whoAmI());
  }

  private static Object signedEncryptedAddressed(Calls calls) throws Exception {
    Orders orders = calls.to("/signed12", proxy -> addressedAndSealed(proxy, calls));
    return List.of(orders.echo("sealed"), Faults.of(() -> orders.take("Mutter", 9)));
  }

  private static void addressedAndSealed(JaxWsProxyFactoryBean proxy, Calls calls) {
    SoapScenarios.soap12(proxy);
    proxy.getFeatures().add(new WSAddressingFeature());
    Security.signAndEncrypt(proxy, calls.keys, "client", "service");
  }

  private static Object large(Calls calls) {
    Orders orders = calls.to("/signed", proxy -> Security.signAndEncrypt(proxy, calls.keys, "client", "service"));
    return Content.mirrored(orders, 1_000_000);
  }

  private static Object byStranger(Calls calls) throws Exception {
    Orders orders = calls.to("/signed", proxy -> Security.signAndEncrypt(proxy, calls.keys, "stranger", "service"));
    return Faults.of(() -> orders.echo("let me in"));
  }

  private static Object basic(Calls calls) {
    Orders orders = calls.to("/plain");
    Map<String, Object> context = ((BindingProvider) orders).getRequestContext();
    context.put(BindingProvider.USERNAME_PROPERTY, Security.USER);
    context.put(BindingProvider.PASSWORD_PROPERTY, Security.PASSWORD);
    return orders.echo("with Authorization");
  }
}
