"""calculator.py WSDL: a zeep client that knows nothing but where the WSDL is. Prints what it saw, a line for each step."""

import sys

import zeep


def main(wsdl):
    client = zeep.Client(wsdl, transport=zeep.Transport(timeout=20, operation_timeout=20))
    for port in ("CalculatorSoap", "CalculatorSoap12"):
        calculator = client.bind("Calculator", port)
        print("add:", calculator.Add(2, 3))
        print("divide by 0:", fault(lambda: calculator.Divide(1, 0)))
        for number in range(1, 26):
            calculator.Log("%s %d" % (port, number))
        print("logged")


def fault(do):
    try:
        return do()
    except zeep.exceptions.Fault as fault:
        return fault.message


main(sys.argv[1])
