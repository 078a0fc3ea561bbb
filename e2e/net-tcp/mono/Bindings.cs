using System.ServiceModel;

namespace Sallyport.E2e
{
    public static class Bindings
    {
        const int messageBytesMax = 32 * 1024 * 1024;

        /// <summary>NetTcpBinding without security, as WCF has it but for messages over 64 KiB.</summary>
        public static NetTcpBinding NetTcp()
        {
            var binding = new NetTcpBinding(SecurityMode.None)
            {
                MaxReceivedMessageSize = messageBytesMax,
                MaxBufferSize = messageBytesMax,
                MaxConnections = 100,
            };
            binding.ReaderQuotas.MaxArrayLength = messageBytesMax;
            return binding;
        }
    }
}
