using System;
using System.Collections.Generic;
using System.Linq;
using System.Security.Cryptography;
using System.ServiceModel;
using System.ServiceModel.Channels;
using System.Threading;

namespace Sallyport.E2e
{
    /// <summary>
    /// client.exe VIA COUNTER ADDRESS STEP...: connects to VIA/bench and COUNTER/counter for messages to ADDRESS. Prints what it saw, a line for each step, and
    /// nothing that depends on the addresses. The steps: all, who, tally, and route=NAME, which is who with a header.
    /// </summary>
    public static class ClientProgram
    {
        static string via, counterVia, address;

        public static int Main(string[] args)
        {
            via = args[0];
            counterVia = args[1];
            address = args[2];
            foreach (var step in args.Skip(3))
            {
                if (step == "all") Everything();
                else if (step == "who") Step("who", () => Channel().WhoAmI());
                else if (step == "tally") Step("tally", () => Channel().Tally());
                else if (step.StartsWith("route=")) Step("route", () => Routed(step.Substring("route=".Length)));
                else throw new ArgumentException("no step " + step);
            }
            Console.Out.Flush();
            Environment.Exit(0);
            return 0;
        }

        static IBench Channel()
        {
            var factory = new ChannelFactory<IBench>(Bindings.NetTcp());
            return factory.CreateChannel(new EndpointAddress(address + "/bench"), new Uri(via + "/bench"));
        }

        static string Routed(string name)
        {
            var bench = Channel();
            using (new OperationContextScope((IContextChannel)bench))
            {
                var header = MessageHeader.CreateHeader("ClientRouteName", Names.Route, name);
                OperationContext.Current.OutgoingMessageHeaders.Add(header);
                return bench.WhoAmI();
            }
        }

        static void Everything()
        {
            var bench = Channel();
            var batch = Guid.NewGuid().ToString();
            Step("add", () => bench.Add(2, 3));
            Step("divide by 0", () => bench.Divide(7, 0));
            Step("add after a fault", () => bench.Add(20, 22));
            Step("one-way", () => OneWays(bench, batch, 50));
            Step("echo 8 MB", () => Digest(bench.Echo(Payload(8 * 1000 * 1000))));
            Step("close", () => { ((IClientChannel)bench).Close(); return ((IClientChannel)bench).State; });
            Step("session", Session);
            Step("20 sessions", () => Parallel(20));
        }

        /// <summary>Sends without waiting, then asks until all are there: in the order in which they were sent.</summary>
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

        static string Session()
        {
            var listener = new Listener();
            var factory = new DuplexChannelFactory<ICounter>(new InstanceContext(listener), Bindings.NetTcp());
            var counter = factory.CreateChannel(new EndpointAddress(address + "/counter"), new Uri(counterVia + "/counter"));
            var counts = new[] { counter.Count(1), counter.Count(10), counter.Count(100) };
            var told = counter.Tell(5);
            var heard = listener.Wait(5);
            // Mono's client does not come back from Close here, with and without a tunnel; the process ends instead.
            return string.Join(" ", counts) + ", told " + told + ", heard " + heard;
        }

        static string Parallel(int count)
        {
            var results = new string[count];
            var threads = Enumerable.Range(0, count).Select(number => new Thread(() => results[number] = One(number))).ToList();
            foreach (var thread in threads) thread.Start();
            foreach (var thread in threads) thread.Join();
            return string.Join(" ", results);
        }

        static string One(int number)
        {
            try
            {
                var bench = Channel();
                var sums = Enumerable.Range(0, 10).Select(at => bench.Add(number, at)).Sum();
                var echoed = bench.Echo(Payload(10000 + number)).Length;
                ((IClientChannel)bench).Close();
                return sums == 10 * number + 45 && echoed == 10000 + number ? "ok" : "mixed up";
            }
            catch (Exception error)
            {
                return error.GetType().Name;
            }
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
            catch (Exception other)
            {
                return other.GetType().Name + ": " + other.Message;
            }
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

    [CallbackBehavior(ConcurrencyMode = ConcurrencyMode.Multiple, UseSynchronizationContext = false)]
    public class Listener : IListener
    {
        readonly List<int> heard = new List<int>();

        public void Hear(int number)
        {
            lock (heard)
            {
                heard.Add(number);
                Monitor.PulseAll(heard);
            }
        }

        public string Wait(int count)
        {
            lock (heard)
            {
                while (heard.Count < count && Monitor.Wait(heard, TimeSpan.FromSeconds(10)));
                return string.Join(" ", heard.OrderBy(number => number));
            }
        }
    }
}
