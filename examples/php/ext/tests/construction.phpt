--TEST--
An object whose constructor has not ended, or runs twice, does no harm
--SKIPIF--
<?php require 'needs_sandbox.inc' ?>
--FILE--
<?php
require 'common.inc';

/* PHP turns it into a string while it reads the constructor's arguments. */
class Key
{
    public static ?Itnio\Client $client = null;

    public function __toString(): string
    {
        self::$client = debug_backtrace()[1]['object'];
        echo thrown(fn () => self::$client->sendSip('8613800138000', '1001', 'my-app')), "\n";
        return getenv('ITNIO_API_KEY');
    }
}

try {
    sandbox(apiKey: new Key(), timeout: -1);
} catch (ValueError) {
    echo thrown(fn () => Key::$client->sendSip('8613800138000', '1001', 'my-app')), "\n";
    echo thrown(fn () => Key::$client->findCall(time(), 0, '8613800138000', '1001', 'my-app')), "\n";
    echo thrown(fn () => Key::$client->getRecord('2203031113381000002')), "\n";
    echo thrown(fn () => Key::$client->findRecords(time())), "\n";
    Key::$client = null;
}

$client = sandbox(apiSecret: 'wrong');
$client->__construct(
    getenv('ITNIO_API_KEY'),
    getenv('ITNIO_API_SECRET'),
    getenv('ITNIO_BASE_URL'),
    getenv('ITNIO_CA_FILE'),
    ''
);
echo strlen($client->sendSip('8613800138000', '1001', 'my-app')->id), "\n";
// A constructor that fails leaves the client as it was.
echo thrown(fn () => $client->__construct('', '')), "\n";
echo strlen($client->sendSip('8613800138000', '1001', 'my-app')->id), "\n";
?>
--EXPECT--
Error: The Itnio\Client object has not been constructed
Error: The Itnio\Client object has not been constructed
Error: The Itnio\Client object has not been constructed
Error: The Itnio\Client object has not been constructed
Error: The Itnio\Client object has not been constructed
19
ValueError: Itnio\Client::__construct(): api_key: empty
19
