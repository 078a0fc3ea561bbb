<?php
/*
 * calculator.php WSDL: a SoapClient that knows nothing but where the WSDL is. Prints what it saw, a line for each step.
 * Its one-way calls do not wait for their answer: it closes once the last byte is written.
 */

function main(string $wsdl): void
{
    foreach (['CalculatorSoap' => SOAP_1_1, 'CalculatorSoap12' => SOAP_1_2] as $port => $version) {
        $calculator = new SoapClient($wsdl, ['soap_version' => $version, 'cache_wsdl' => WSDL_CACHE_NONE]);
        echo 'add: ', $calculator->Add(['a' => 2, 'b' => 3])->AddResult, "\n";
        echo 'divide by 0: ', fault(fn() => $calculator->Divide(['a' => 1, 'b' => 0])), "\n";
        for ($number = 1; $number <= 24; $number++) $calculator->Log(['message' => "$port $number"]);
        // More than the socket takes at once.
        $calculator->Log(['message' => "$port 25" . str_repeat(' ', 3_000_000)]);
        echo "logged\n";
    }
}

function fault(callable $do): string
{
    try {
        return $do();
    } catch (SoapFault $fault) {
        return $fault->faultstring;
    }
}

main($argv[1]);
