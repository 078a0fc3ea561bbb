<?php
/*
 * client.php WSDL BINDING ADDRESS TO BATCH [ROUTE]: PHP's SoapClient, BINDING "basic" or "ws".
 *
 * Prints what it saw, a line for each step, and nothing that depends on an address. ADDRESS is where it connects, TO what
 * its messages say in WS-Addressing. BATCH is a name of its own for its one-way calls. With ROUTE each message has the
 * header ClientRouteName, and it asks for the host's name only.
 */

const CONTRACT = 'http://sallyport.dev/e2e/bench';
const ROUTE = 'http://sallyport.dev/e2e/route';
const ADDRESSING = 'http://www.w3.org/2005/08/addressing';

/** WS-Addressing, which SoapClient does not know, by headers of one's own. */
class Bench extends SoapClient
{
    private array $headers = [];
    private ?string $to;

    public function __construct(string $wsdl, array $options, ?string $to, ?string $route)
    {
        parent::__construct($wsdl, $options);
        $this->to = $to;
        if ($route !== null) $this->headers[] = new SoapHeader(ROUTE, 'ClientRouteName', $route);
    }

    public function __call(string $name, array $args): mixed
    {
        $addressing = $this->to === null ? [] : [
            new SoapHeader(ADDRESSING, 'Action', CONTRACT . "/IBench/$name"),
            new SoapHeader(ADDRESSING, 'MessageID', 'urn:uuid:' . bin2hex(random_bytes(16))),
            new SoapHeader(ADDRESSING, 'To', $this->to),
        ];
        return $this->__soapCall($name, $args, null, [...$this->headers, ...$addressing]);
    }
}

function main(string $wsdl, string $binding, string $address, string $to, string $batch, ?string $route = null): void
{
    $options = [
        'location' => $address,
        'soap_version' => $binding === 'ws' ? SOAP_1_2 : SOAP_1_1,
        'features' => SOAP_SINGLE_ELEMENT_ARRAYS,
        'cache_wsdl' => WSDL_CACHE_NONE,
    ];
    $bench = new Bench($wsdl, $options, $binding === 'ws' ? $to : null, $route);
    if ($route !== null) step('host', fn() => $bench->WhoAmI([])->WhoAmIResult);
    else everything($bench, $batch);
}

function everything(Bench $bench, string $batch): void
{
    $order = ['Customer' => 'Søren & <co>', 'Items' => ['string' => ['a', 'b', 'c']]];
    step('add', fn() => $bench->Add(['a' => 2, 'b' => 3])->AddResult);
    step('reverse', fn() => show($bench->Reverse(['order' => $order])->ReverseResult));
    step('text', fn() => $bench->EchoText(['text' => "tab\t, quote \", ångström, 漢字, 😀"])->EchoTextResult);
    step('divide', fn() => $bench->Divide(['a' => 7, 'b' => 2])->DivideResult);
    step('divide by 0', fn() => $bench->Divide(['a' => 7, 'b' => 0])->DivideResult);
    step('add after a fault', fn() => $bench->Add(['a' => 20, 'b' => 22])->AddResult);
    step('crash', fn() => $bench->Crash([]));
    step('echo 1 MB', fn() => digest($bench->Echo(['payload' => payload(1000 * 1000)])->EchoResult));
    step('echo 1 MB of text', fn() => mb_length($bench->EchoText(['text' => str_repeat('ö', 500 * 1000)])->EchoTextResult));
    step('one-way', fn() => one_ways($bench, $batch, 10));
}

function step(string $name, callable $do): void
{
    try {
        $outcome = $do();
    } catch (SoapFault $fault) {
        $code = preg_replace('/^.*:/', '', $fault->faultcode);
        $why = $fault->detail->Refusal->Why ?? 'none';
        $outcome = "fault, code $code, reason {$fault->faultstring}, why $why";
    }
    echo "$name: $outcome\n";
}

/** Sends without waiting, then asks until all are there. SoapClient does not read the answer: it closes at once. */
function one_ways(Bench $bench, string $batch, int $count): string
{
    for ($number = 1; $number <= $count; $number++) $bench->Note(['batch' => $batch, 'number' => $number]);
    for ($tries = 0; $tries < 100; $tries++) {
        $noted = $bench->Noted(['batch' => $batch])->NotedResult;
        if (substr_count($noted, ',') + 1 >= $count) break;
        usleep(50_000);
    }
    return $noted;
}

function show(object $order): string
{
    return $order->Customer . ': ' . implode(' ', $order->Items->string);
}

function payload(int $bytes): string
{
    $payload = '';
    for ($at = 0; $at < $bytes; $at++) $payload .= chr(($at * 7 + intdiv($at, 251)) % 256);
    return $payload;
}

function digest(string $data): string
{
    return strlen($data) . ' ' . substr(hash('sha256', $data), 0, 16);
}

/** Characters, without the mbstring extension. */
function mb_length(string $text): int
{
    return preg_match_all('/./su', $text);
}

main(...array_slice($argv, 1));
