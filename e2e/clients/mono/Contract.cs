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

        [OperationContract]
        Order Reverse(Order order);

        /// <summary>Answers with what came in, so that every byte crosses twice.</summary>
        [OperationContract]
        byte[] Echo(byte[] payload);

        [OperationContract]
        string EchoText(string text);

        [OperationContract(IsOneWay = true)]
        void Note(string batch, int number);

        /// <summary>The numbers noted so far, in order, separated by commas.</summary>
        [OperationContract]
        string Noted(string batch);

        [OperationContract]
        [FaultContract(typeof(Refusal))]
        int Divide(int a, int b);

        [OperationContract]
        void Crash();

        /// <summary>The name that the host was started with.</summary>
        [OperationContract]
        string WhoAmI();
    }

    [DataContract(Namespace = Names.Contract)]
    public class Order
    {
        [DataMember(Order = 0)]
        public string Customer { get; set; }

        [DataMember(Order = 1)]
        public string[] Items { get; set; }
    }

    [DataContract(Namespace = Names.Contract)]
    public class Refusal
    {
        [DataMember]
        public string Why { get; set; }
    }

    public static class Names
    {
        public const string Contract = "http://sallyport.dev/e2e/bench";

        /// <summary>The namespace of the header ClientRouteName.</summary>
        public const string Route = "http://sallyport.dev/e2e/route";
    }
}
