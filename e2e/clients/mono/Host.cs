using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.ServiceModel;
using System.ServiceModel.Channels;
using System.ServiceModel.Description;

namespace Sallyport.E2e
{
    /// <summary>
    /// A WCF host: host.exe NAME BASE [PUBLIC]. An endpoint for each binding: BASE/basic and so on. With PUBLIC, that is
    /// the address of those that speak WS-Addressing, and BASE only where they listen (in a configuration file: address
    /// and listenUri).
    /// Prints "ready" once it listens, and ends when its standard input does.
    /// </summary>
    public static class HostProgram
    {
        public static string Name;

        public static int Main(string[] args)
        {
            Name = args[0];
            using (var host = new ServiceHost(typeof(Bench), new Uri(args[1])))
            {
                var publicBase = args.Length > 2 ? args[2] : args[1];
                foreach (var name in Bindings.Names) AddEndpoint(host, name, args[1], publicBase);
                host.Description.Behaviors.Add(new ServiceMetadataBehavior { HttpGetEnabled = true });
                host.Open();
                Console.WriteLine("ready");
                Console.In.ReadToEnd();
            }
            return 0;
        }

        static void AddEndpoint(ServiceHost host, string name, string listenBase, string publicBase)
        {
            var binding = Bindings.Named(name);
            var listenUri = new Uri(listenBase + "/" + name);
            // To a message without addressing Mono gives the address that it came in at.
            var addressed = binding.MessageVersion.Addressing != AddressingVersion.None;
            var address = addressed ? publicBase + "/" + name : listenUri.ToString();
            host.AddServiceEndpoint(typeof(IBench), binding, address, listenUri);
        }
    }

    public class Bench : IBench
    {
        static readonly ConcurrentDictionary<string, List<int>> notes = new ConcurrentDictionary<string, List<int>>();

        public int Add(int a, int b)
        {
            return a + b;
        }

        public Order Reverse(Order order)
        {
            return new Order { Customer = order.Customer, Items = order.Items.Reverse().ToArray() };
        }

        public byte[] Echo(byte[] payload)
        {
            return payload;
        }

        public string EchoText(string text)
        {
            return text;
        }

        public void Note(string batch, int number)
        {
            var numbers = notes.GetOrAdd(batch, _ => new List<int>());
            lock (numbers) numbers.Add(number);
        }

        public string Noted(string batch)
        {
            var numbers = notes.GetOrAdd(batch, _ => new List<int>());
            lock (numbers) return string.Join(",", numbers.OrderBy(number => number));
        }

        public int Divide(int a, int b)
        {
            if (b == 0) throw new FaultException<Refusal>(new Refusal { Why = "b is 0" }, "cannot divide");
            return a / b;
        }

        public void Crash()
        {
            throw new InvalidOperationException("crashed on purpose");
        }

        public string WhoAmI()
        {
            return HostProgram.Name;
        }
    }
}
