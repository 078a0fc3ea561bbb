using System.Runtime.Serialization;
using System.ServiceModel;

namespace Sallyport.E2e
{
    /// <summary>What host and client agree on; nothing in it knows of a tunnel.</summary>
    [ServiceContract(Namespace = Names.Contract)]
    public interface IBench
    {
        [OperationContract]
        int Add(int a, int b);

        /// <summary>Answers with what came in, so that every byte crosses twice.</summary>
        [OperationContract]
        byte[] Echo(byte[] payload);

        [OperationContract(IsOneWay = true)]
        void Note(string batch, int number);

        /// <summary>The numbers noted so far, as they came, separated by commas.</summary>
        [OperationContract]
        string Noted(string batch);

        [OperationContract]
        [FaultContract(typeof(Refusal))]
        int Divide(int a, int b);

        /// <summary>The name that the host was started with.</summary>
        [OperationContract]
        string WhoAmI();

        /// <summary>The same, by another action.</summary>
        [OperationContract]
        string Tally();
    }

    /// <summary>A session: the service remembers, and calls back. Mono's client reads no faults where it is called back.</summary>
    [ServiceContract(Namespace = Names.Contract, SessionMode = SessionMode.Required, CallbackContract = typeof(IListener))]
    public interface ICounter
    {
        /// <summary>What this session has counted so far.</summary>
        [OperationContract]
        int Count(int by);

        /// <summary>Calls back so many times, then answers.</summary>
        [OperationContract]
        int Tell(int times);
    }

    public interface IListener
    {
        [OperationContract(IsOneWay = true)]
        void Hear(int number);
    }

    [DataContract(Namespace = Names.Contract)]
    public class Refusal
    {
        [DataMember]
        public string Why { get; set; }
    }

    public static class Names
    {
        public const string Contract = "http://sallyport.dev/e2e/net-tcp";

        /// <summary>The namespace of the header ClientRouteName.</summary>
        public const string Route = "http://sallyport.dev/e2e/route";
    }
}
