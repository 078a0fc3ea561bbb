using System;
using System.ServiceModel;
using System.ServiceModel.Channels;
using System.Xml;

namespace Sallyport.E2e
{
    /// <summary>The bindings that host and client share: as WCF has them, but for messages over 64 KiB.</summary>
    public static class Bindings
    {
        const int messageBytesMax = 16 * 1024 * 1024;

        public static readonly string[] Names = { "basic", "streamed", "ws", "binary" };

        public static Binding Named(string name)
        {
            switch (name)
            {
                case "basic": return Basic(TransferMode.Buffered);
                case "streamed": return Basic(TransferMode.Streamed);
                case "ws": return Ws();
                case "binary": return Binary();
                default: throw new ArgumentException("no binding " + name + "; known: " + string.Join(", ", Names));
            }
        }

        /// <summary>SOAP 1.1, no addressing.</summary>
        static Binding Basic(TransferMode mode)
        {
            var binding = new BasicHttpBinding { TransferMode = mode, MaxReceivedMessageSize = messageBytesMax };
            Widen(binding.ReaderQuotas);
            return binding;
        }

        /// <summary>SOAP 1.2 with WS-Addressing.</summary>
        static Binding Ws()
        {
            var binding = new WSHttpBinding(SecurityMode.None) { MaxReceivedMessageSize = messageBytesMax };
            Widen(binding.ReaderQuotas);
            return binding;
        }

        /// <summary>What NetHttpBinding is made of, which Mono does not have.</summary>
        static Binding Binary()
        {
            var encoding = new BinaryMessageEncodingBindingElement();
            Widen(encoding.ReaderQuotas);
            return new CustomBinding(encoding, new HttpTransportBindingElement { MaxReceivedMessageSize = messageBytesMax });
        }

        static void Widen(XmlDictionaryReaderQuotas quotas)
        {
            quotas.MaxArrayLength = messageBytesMax;
            quotas.MaxStringContentLength = messageBytesMax;
        }
    }
}
