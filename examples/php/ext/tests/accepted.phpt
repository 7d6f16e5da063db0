--TEST--
A call that the API accepts has a recording ID
--SKIPIF--
<?php require 'needs_sandbox.inc' ?>
--FILE--
<?php
require 'common.inc';

$client = sandbox();
$one = $client->sendSip('8613800138000', '1001', 'my-app');
$two = $client->sendSip(
    callee: '8613800138000',
    account: '1001',
    appId: 'my-app',
    displayNum: '4930123456',
    calledInfo: "1000 characters of any kind: \u{e9}" . str_repeat('!', 970),
);
var_dump($one::class, $one->id, $two->id, $one->id !== $two->id);
echo thrown(fn () => $one->id = 'another'), "\n";
?>
--EXPECTF--
string(15) "Itnio\Recording"
string(19) "%d"
string(19) "%d"
bool(true)
Error: Cannot modify readonly property Itnio\Recording::$id
