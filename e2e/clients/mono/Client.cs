using System;
using System.Linq;
using System.Security.Cryptography;
using System.ServiceModel;
using System.ServiceModel.Channels;
using System.Threading;

namespace Sallyport.E2e
{
    /// <summary>
    /// client.exe BINDING ADDRESS BATCH [ROUTE]. Prints what it saw, a line for each step, and nothing that depends on the
    /// address. BATCH is a name of its own for its one-way calls. With ROUTE each message has the header ClientRouteName,
    /// and it asks for the host's name only.
    /// </summary>
    public static class ClientProgram
    {
        public static int Main(string[] args)
        {
            var binding = Bindings.Named(args[0]);
            binding.SendTimeout = TimeSpan.FromSeconds(20);
            var factory = new ChannelFactory<IBench>(binding);
            var bench = factory.CreateChannel(new EndpointAddress(args[1]));
            if (args.Length > 3) Step("host", () => WhoAmI(bench, args[3]));
            else Everything(bench, args[2]);
            return 0;
        }

        /// <summary>Mono does not send the headers of an EndpointAddress; where WCF does, configuration suffices.</summary>
        static string WhoAmI(IBench bench, string route)
        {
            using (new OperationContextScope((IContextChannel)bench))
            {
                var header = MessageHeader.CreateHeader("ClientRouteName", Names.Route, route);
                OperationContext.Current.OutgoingMessageHeaders.Add(header);
                return bench.WhoAmI();
            }
        }

        static void Everything(IBench bench, string batch)
        {
            Step("add", () => bench.Add(2, 3));
            Step("reverse", () => Show(bench.Reverse(new Order { Customer = "Søren & <co>", Items = new[] { "a", "b", "c" } })));
            Step("text", () => bench.EchoText("tab\t, quote \", ångström, 漢字, 😀"));
            Step("divide", () => bench.Divide(7, 2));
            Step("divide by 0", () => bench.Divide(7, 0));
            Step("add after a fault", () => bench.Add(20, 22));
            Step("crash", () => { bench.Crash(); return "none"; });
            Step("echo 1 MB", () => Digest(bench.Echo(Payload(1000 * 1000))));
            Step("echo 1 MB of text", () => bench.EchoText(new string('ö', 500 * 1000)).Length);
            Step("one-way", () => OneWays(bench, batch, 50));
        }

        static void Step(string name, Func<object> step)
        {
            Console.WriteLine(name + ": " + Outcome(step));
        }

        static object Outcome(Func<object> step)
        {
            try
            {
                return step();
            }
            catch (FaultException<Refusal> fault)
            {
                return "Refusal, code " + fault.Code.Name + ", reason " + fault.Reason + ", why " + fault.Detail.Why;
            }
            catch (FaultException fault)
            {
                return "fault, code " + fault.Code.Name + ", reason " + fault.Reason;
            }
            catch (Exception other)
            {
                return other.GetType().Name + ": " + other.Message;
            }
        }

        /// <summary>Sends without waiting, then asks until all are there.</summary>
        static string OneWays(IBench bench, string batch, int count)
        {
            foreach (var number in Enumerable.Range(1, count)) bench.Note(batch, number);
            var noted = "";
            for (var tries = 0; tries < 100; tries++)
            {
                noted = bench.Noted(batch);
                if (noted.Split(',').Length >= count) break;
                Thread.Sleep(50);
            }
            return noted;
        }

        static string Show(Order order)
        {
            return order.Customer + ": " + string.Join(" ", order.Items);
        }

        static byte[] Payload(int bytes)
        {
            return Enumerable.Range(0, bytes).Select(at => (byte)(at * 7 + at / 251)).ToArray();
        }

        static string Digest(byte[] payload)
        {
            using (var sha = SHA256.Create()) return payload.Length + " " + BitConverter.ToString(sha.ComputeHash(payload), 0, 8);
        }
    }
}
