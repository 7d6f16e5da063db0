--TEST--
A mistake in an argument is a ValueError that names it
--FILE--
<?php
require 'common.inc';

function client(mixed ...$settings): Itnio\Client
{
    return new Itnio\Client(...$settings + [
        'apiKey' => 'key',
        'apiSecret' => 'secret',
        'baseUrl' => 'https://127.0.0.1:1/voice',
        'proxy' => '',
    ]);
}

echo "Settings:\n";
foreach ([
    ['apiKey' => null],
    ['apiSecret' => null],
    ['apiKey' => ''],
    ['apiSecret' => ''],
    ['apiKey' => "a\nb"],
    ['apiKey' => "a\0b"],
    ['apiSecret' => "a\0b"],
    ['baseUrl' => "http://127.0.0.1:1\0"],
    ['caFile' => "/\0"],
    ['proxy' => "\0"],
    ['apiSecret' => "\xff"],
    ['baseUrl' => 'http://example.com/voice'],
    ['caFile' => __DIR__ . '/no such file'],
    ['proxy' => 'socks4://127.0.0.1:1'],
    ['connectTimeout' => 0],
    ['timeout' => -1],
    ['timeout' => NAN],
    ['timeout' => 1e12],
] as $settings) {
    echo thrown(fn () => client(...$settings)), "\n";
}
echo "Longest and shortest times:\n";
echo thrown(fn () => client(connectTimeout: 4294967.295, timeout: 4294967.295)), "\n";
echo thrown(fn () => client(connectTimeout: 0.0001, timeout: 0.0001)), "\n";

echo "A call:\n";
$call = ['callee' => '8613800138000', 'account' => '1001', 'appId' => 'my-app'];
foreach ([
    ['callee' => ''],
    ['account' => ''],
    ['appId' => ''],
    ['callee' => "1\0"],
    ['account' => "1\0"],
    ['appId' => "1\0"],
    ['displayNum' => "1\0"],
    ['calledInfo' => "1\0"],
    ['calledInfo' => "\xff"],
] as $mistake) {
    echo thrown(fn () => client()->sendSip(...$mistake + $call)), "\n";
}
echo thrown(fn () => client()->sendSip(...$call + ['timeout' => 0])), "\n";

echo "A look for a call:\n";
foreach ([
    ['callee' => "1\0"],
    ['account' => "1\0"],
    ['appId' => "1\0"],
    ['displayNum' => "1\0"],
    ['calledInfo' => "1\0"],
    ['timeout' => NAN],
    ['patience' => -1],
    ['patience' => NAN],
    ['patience' => 1e12],
] as $mistake) {
    echo thrown(fn () => client()->findCall(...$mistake + $call + ['since' => time(), 'patience' => 0])), "\n";
}

echo "Records:\n";
foreach (['', "1\0", '..', "\xff"] as $id) {
    echo thrown(fn () => client()->getRecord($id)), "\n";
}
foreach ([
    ['since' => 0],
    ['until' => -1],
    ['callee' => "1\0"],
    ['displayNum' => "1\0"],
    ['phoneName' => "1\0"],
    ['phoneGroup' => "1\0"],
    ['phoneGroup' => "\xff"],
    ['maxRecords' => 0],
    ['maxRecords' => 4294967296],
    ['timeout' => -1],
] as $mistake) {
    echo thrown(fn () => client()->findRecords(...$mistake + ['since' => time()])), "\n";
}
?>
--EXPECTF--
Settings:
ValueError: Itnio\Client::__construct(): Argument #1 ($apiKey) must be given, or itnio.api_key in php.ini
ValueError: Itnio\Client::__construct(): Argument #2 ($apiSecret) must be given, or itnio.api_secret in php.ini
ValueError: Itnio\Client::__construct(): api_key: empty
ValueError: Itnio\Client::__construct(): api_secret: empty
ValueError: Itnio\Client::__construct(): api_key: has a control character
ValueError: Itnio\Client::__construct(): Argument #1 ($apiKey) must not contain any null bytes
ValueError: Itnio\Client::__construct(): Argument #2 ($apiSecret) must not contain any null bytes
ValueError: Itnio\Client::__construct(): Argument #3 ($baseUrl) must not contain any null bytes
ValueError: Itnio\Client::__construct(): Argument #4 ($caFile) must not contain any null bytes
ValueError: Itnio\Client::__construct(): Argument #5 ($proxy) must not contain any null bytes
ValueError: Itnio\Client::__construct(): api_secret: not UTF-8
ValueError: Itnio\Client::__construct(): base_url: %s
ValueError: Itnio\Client::__construct(): ca_file: %s
ValueError: Itnio\Client::__construct(): proxy: %s
ValueError: Itnio\Client::__construct(): Argument #6 ($connectTimeout) must be a number of seconds that is greater than 0
ValueError: Itnio\Client::__construct(): Argument #7 ($timeout) must be a number of seconds that is greater than 0
ValueError: Itnio\Client::__construct(): Argument #7 ($timeout) must be a number of seconds that is greater than 0
ValueError: Itnio\Client::__construct(): Argument #7 ($timeout) must be a number of seconds that is greater than 0
Longest and shortest times:
nothing is thrown
nothing is thrown
A call:
ValueError: Itnio\Client::sendSip(): callee: empty
ValueError: Itnio\Client::sendSip(): account: empty
ValueError: Itnio\Client::sendSip(): app_id: empty
ValueError: Itnio\Client::sendSip(): Argument #1 ($callee) must not contain any null bytes
ValueError: Itnio\Client::sendSip(): Argument #2 ($account) must not contain any null bytes
ValueError: Itnio\Client::sendSip(): Argument #3 ($appId) must not contain any null bytes
ValueError: Itnio\Client::sendSip(): Argument #4 ($displayNum) must not contain any null bytes
ValueError: Itnio\Client::sendSip(): Argument #5 ($calledInfo) must not contain any null bytes
ValueError: Itnio\Client::sendSip(): called_info: not UTF-8
ValueError: Itnio\Client::sendSip(): Argument #6 ($timeout) must be a number of seconds that is greater than 0
A look for a call:
ValueError: Itnio\Client::findCall(): Argument #3 ($callee) must not contain any null bytes
ValueError: Itnio\Client::findCall(): Argument #4 ($account) must not contain any null bytes
ValueError: Itnio\Client::findCall(): Argument #5 ($appId) must not contain any null bytes
ValueError: Itnio\Client::findCall(): Argument #6 ($displayNum) must not contain any null bytes
ValueError: Itnio\Client::findCall(): Argument #7 ($calledInfo) must not contain any null bytes
ValueError: Itnio\Client::findCall(): Argument #8 ($timeout) must be a number of seconds that is greater than 0
ValueError: Itnio\Client::findCall(): Argument #2 ($patience) must be a number of seconds that is not negative
ValueError: Itnio\Client::findCall(): Argument #2 ($patience) must be a number of seconds that is not negative
ValueError: Itnio\Client::findCall(): Argument #2 ($patience) must be a number of seconds that is not negative
Records:
ValueError: Itnio\Client::getRecord(): recording_id: empty
ValueError: Itnio\Client::getRecord(): Argument #1 ($recordingId) must not contain any null bytes
ValueError: Itnio\Client::getRecord(): recording_id: not a recording ID
ValueError: Itnio\Client::getRecord(): recording_id: not UTF-8
ValueError: Itnio\Client::findRecords(): since: not a time in Unix seconds
ValueError: Itnio\Client::findRecords(): until: not a time in Unix seconds
ValueError: Itnio\Client::findRecords(): Argument #3 ($callee) must not contain any null bytes
ValueError: Itnio\Client::findRecords(): Argument #4 ($displayNum) must not contain any null bytes
ValueError: Itnio\Client::findRecords(): Argument #5 ($phoneName) must not contain any null bytes
ValueError: Itnio\Client::findRecords(): Argument #6 ($phoneGroup) must not contain any null bytes
ValueError: Itnio\Client::findRecords(): phone_group: not UTF-8
ValueError: Itnio\Client::findRecords(): Argument #7 ($maxRecords) must be between 1 and 4294967295
ValueError: Itnio\Client::findRecords(): Argument #7 ($maxRecords) must be between 1 and 4294967295
ValueError: Itnio\Client::findRecords(): Argument #8 ($timeout) must be a number of seconds that is greater than 0
