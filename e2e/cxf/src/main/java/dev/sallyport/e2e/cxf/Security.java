package dev.sallyport.e2e.cxf;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.CallbackHandler;
import org.apache.cxf.interceptor.InterceptorProvider;
import org.apache.cxf.ws.security.wss4j.WSS4JInInterceptor;
import org.apache.cxf.ws.security.wss4j.WSS4JOutInterceptor;
import org.apache.wss4j.common.ConfigurationConstants;
import org.apache.wss4j.common.WSS4JConstants;
import org.apache.wss4j.common.ext.WSPasswordCallback;

/** WS-Security of either side. The keys lie in a folder that the test made for this run. */
final class Security {
  static final String USER = "alice";
  static final String PASSWORD = "pass & <word>";
  private static final String SIGN_AND_ENCRYPT =
      String.join(
          " ",
          ConfigurationConstants.TIMESTAMP,
          ConfigurationConstants.SIGNATURE,
          ConfigurationConstants.ENCRYPTION);

  private Security() {}

  /** A digest of the password with nonce and time of creation. */
  static void sendUsernameToken(InterceptorProvider client, String password) {
    Map<String, Object> out = new HashMap<>();
    out.put(ConfigurationConstants.ACTION, ConfigurationConstants.USERNAME_TOKEN);
    out.put(ConfigurationConstants.USER, USER);
    out.put(ConfigurationConstants.PASSWORD_TYPE, WSS4JConstants.PW_DIGEST);
    out.put(ConfigurationConstants.PW_CALLBACK_REF, says(password));
    client.getOutInterceptors().add(new WSS4JOutInterceptor(out));
  }

  static void demandUsernameToken(InterceptorProvider service) {
    Map<String, Object> in = new HashMap<>();
    in.put(ConfigurationConstants.ACTION, ConfigurationConstants.USERNAME_TOKEN);
    in.put(ConfigurationConstants.PASSWORD_TYPE, WSS4JConstants.PW_DIGEST);
    in.put(ConfigurationConstants.PW_CALLBACK_REF, says(PASSWORD));
    service.getInInterceptors().add(new WSS4JInInterceptor(in));
  }

  /** Body and timestamp signed, then the body encrypted: with `me`'s key, for `peer`; and the same demanded back. */
  static void signAndEncrypt(InterceptorProvider side, Path keys, String me, String peer) {
    side.getOutInterceptors().add(new WSS4JOutInterceptor(outgoing(keys, me, peer)));
    side.getInInterceptors().add(new WSS4JInInterceptor(incoming(keys, me)));
    side.getInFaultInterceptors().add(new WSS4JInInterceptor(incoming(keys, me)));
    side.getOutFaultInterceptors().add(new WSS4JOutInterceptor(outgoing(keys, me, peer)));
  }

  private static Map<String, Object> outgoing(Path keys, String me, String peer) {
    String utility = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}";
    Map<String, Object> out = new HashMap<>();
    out.put(ConfigurationConstants.ACTION, SIGN_AND_ENCRYPT);
    out.put(ConfigurationConstants.USER, me);
    out.put(ConfigurationConstants.PW_CALLBACK_REF, says(PASSWORD));
    out.put(ConfigurationConstants.SIG_PROP_REF_ID, "keys");
    out.put(ConfigurationConstants.ENC_PROP_REF_ID, "keys");
    out.put("keys", crypto(keys, me));
    out.put(ConfigurationConstants.SIG_KEY_ID, "DirectReference");
    out.put(ConfigurationConstants.SIG_ALGO, WSS4JConstants.RSA_SHA256);
    out.put(ConfigurationConstants.SIG_DIGEST_ALGO, WSS4JConstants.SHA256);
    out.put(ConfigurationConstants.SIGNATURE_PARTS, "{}{}Body;{}" + utility + "Timestamp");
    out.put(ConfigurationConstants.ENCRYPTION_USER, peer);
    out.put(ConfigurationConstants.ENC_KEY_ID, "IssuerSerial");
    out.put(ConfigurationConstants.ENC_SYM_ALGO, WSS4JConstants.AES_256_GCM);
    out.put(ConfigurationConstants.ENC_KEY_TRANSPORT, WSS4JConstants.KEYTRANSPORT_RSAOAEP);
    out.put(ConfigurationConstants.ENCRYPTION_PARTS, "{Content}{}Body");
    return out;
  }

  private static Map<String, Object> incoming(Path keys, String me) {
    Map<String, Object> in = new HashMap<>();
    in.put(ConfigurationConstants.ACTION, SIGN_AND_ENCRYPT);
    in.put(ConfigurationConstants.PW_CALLBACK_REF, says(PASSWORD));
    in.put(ConfigurationConstants.SIG_VER_PROP_REF_ID, "keys");
    in.put(ConfigurationConstants.DEC_PROP_REF_ID, "keys");
    in.put("keys", crypto(keys, me));
    return in;
  }

  /** `me`'s own key and the certificates it trusts. */
  private static Properties crypto(Path keys, String me) {
    String merlin = "org.apache.wss4j.crypto.merlin.keystore.";
    Properties crypto = new Properties();
    crypto.setProperty("org.apache.wss4j.crypto.provider", "org.apache.wss4j.common.crypto.Merlin");
    crypto.setProperty(merlin + "file", keys.resolve(me + ".p12").toString());
    crypto.setProperty(merlin + "type", "PKCS12");
    crypto.setProperty(merlin + "password", System.getenv("KEYS_PASSWORD"));
    crypto.setProperty(merlin + "private.password", System.getenv("KEYS_PASSWORD"));
    crypto.setProperty(merlin + "alias", me);
    return crypto;
  }

  /** The user's password for a UsernameToken, the key's for a signature or a decryption. */
  private static CallbackHandler says(String userPassword) {
    return callbacks -> {
      for (Callback callback : callbacks) {
        WSPasswordCallback asked = (WSPasswordCallback) callback;
        boolean isUser = asked.getUsage() == WSPasswordCallback.USERNAME_TOKEN;
        asked.setPassword(isUser ? userPassword : System.getenv("KEYS_PASSWORD"));
      }
    };
  }
}
