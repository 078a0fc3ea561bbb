using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.ServiceModel;

namespace Sallyport.E2e
{
    /// <summary>
    /// host.exe NAME ADDRESS LISTEN COUNTER: a WCF host for messages to ADDRESS/bench, which listens at LISTEN, and to
    /// ADDRESS/counter, at COUNTER (Mono has a port for each contract). Prints "ready" once it does, and ends when its
    /// standard input does.
    /// </summary>
    public static class HostProgram
    {
        public static string Name;

        public static int Main(string[] args)
        {
            Name = args[0];
            using (var host = new ServiceHost(typeof(Bench)))
            {
                host.AddServiceEndpoint(typeof(IBench), Bindings.NetTcp(), args[1] + "/bench", new Uri(args[2] + "/bench"));
                host.AddServiceEndpoint(typeof(ICounter), Bindings.NetTcp(), args[1] + "/counter", new Uri(args[3] + "/counter"));
                host.Open();
                Console.WriteLine("ready");
                Console.In.ReadToEnd();
            }
            return 0;
        }
    }

    [ServiceBehavior(InstanceContextMode = InstanceContextMode.PerSession, ConcurrencyMode = ConcurrencyMode.Multiple,
        AddressFilterMode = AddressFilterMode.Any)]
    public class Bench : IBench, ICounter
    {
        static readonly ConcurrentDictionary<string, List<int>> notes = new ConcurrentDictionary<string, List<int>>();
        int counted;

        public int Add(int a, int b)
        {
            return a + b;
        }

        public byte[] Echo(byte[] payload)
        {
            return payload;
        }

        public void Note(string batch, int number)
        {
            var numbers = notes.GetOrAdd(batch, _ => new List<int>());
            lock (numbers) numbers.Add(number);
        }

        public string Noted(string batch)
        {
            var numbers = notes.GetOrAdd(batch, _ => new List<int>());
            lock (numbers) return string.Join(",", numbers);
        }

        public int Divide(int a, int b)
        {
            if (b == 0) throw new FaultException<Refusal>(new Refusal { Why = "b is 0" }, "cannot divide");
            return a / b;
        }

        public string WhoAmI()
        {
            return HostProgram.Name;
        }

        public string Tally()
        {
            return HostProgram.Name;
        }

        public int Count(int by)
        {
            return counted += by;
        }

        public int Tell(int times)
        {
            var listener = OperationContext.Current.GetCallbackChannel<IListener>();
            for (var number = 1; number <= times; number++) listener.Hear(number);
            return times;
        }
    }
}
