"""client.py WSDL BINDING ADDRESS TO BATCH [ROUTE]: a zeep client, BINDING "basic" or "ws".

Prints what it saw, a line for each step, and nothing that depends on an address. ADDRESS is where it connects, TO what
its messages say in WS-Addressing. BATCH is a name of its own for its one-way calls. With ROUTE each message has the
header ClientRouteName, and it asks for the host's name only.
"""

import hashlib
import sys
import time

import zeep
from lxml import etree
from zeep.wsa import WsAddressingPlugin

CONTRACT = "http://sallyport.dev/e2e/bench"
ROUTE = "http://sallyport.dev/e2e/route"


def main(wsdl, binding, address, to, batch, route=None):
    plugins = [WsAddressingPlugin(address_url=to)] if binding == "ws" else []
    client = zeep.Client(wsdl, transport=zeep.Transport(timeout=20, operation_timeout=20), plugins=plugins)
    name = {"basic": "Basic", "ws": "Ws"}[binding]
    bench = client.create_service("{%s}%s" % (CONTRACT, name), address)
    if route is not None:
        header = etree.Element("{%s}ClientRouteName" % ROUTE)
        header.text = route
        return step("host", lambda: bench.WhoAmI(_soapheaders=[header]))
    everything(bench, batch)


def everything(bench, batch):
    step("add", lambda: bench.Add(2, 3))
    step("reverse", lambda: show(bench.Reverse({"Customer": "Søren & <co>", "Items": {"string": ["a", "b", "c"]}})))
    step("text", lambda: bench.EchoText('tab\t, quote ", ångström, 漢字, 😀'))
    step("divide", lambda: bench.Divide(7, 2))
    step("divide by 0", lambda: bench.Divide(7, 0))
    step("add after a fault", lambda: bench.Add(20, 22))
    step("crash", lambda: bench.Crash())
    step("echo 1 MB", lambda: digest(bench.Echo(payload(1000 * 1000))))
    step("echo 1 MB of text", lambda: len(bench.EchoText("ö" * 500 * 1000)))
    step("one-way", lambda: one_ways(bench, batch, 10))


def step(name, do):
    try:
        outcome = do()
    except zeep.exceptions.Fault as fault:
        why = [] if fault.detail is None else [element.text for element in fault.detail.iter("{*}Why")]
        code = etree.QName(fault.code.split(":")[-1]).localname
        outcome = "fault, code %s, reason %s, why %s" % (code, fault.message, why)
    except Exception as other:
        outcome = "%s: %s" % (type(other).__name__, other)
    print("%s: %s" % (name, outcome), flush=True)


def one_ways(bench, batch, count):
    """Sends without waiting, then asks until all are there."""
    for number in range(1, count + 1):
        try:
            bench.Note(batch, number)
        except zeep.exceptions.TransportError as error:
            # Mono answers a one-way call with 200 and nothing; zeep expects 202.
            if (error.status_code, error.content) != (200, b""):
                raise
    for _ in range(100):
        noted = bench.Noted(batch) or ""
        if len(noted.split(",")) >= count:
            break
        time.sleep(0.05)
    return noted


def show(order):
    return "%s: %s" % (order.Customer, " ".join(order.Items.string))


def payload(count):
    return bytes((at * 7 + at // 251) % 256 for at in range(count))


def digest(data):
    return "%d %s" % (len(data), hashlib.sha256(data).hexdigest()[:16])


main(*sys.argv[1:])
