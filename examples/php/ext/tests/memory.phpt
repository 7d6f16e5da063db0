--TEST--
A thousand of each kind of call leave no memory behind
--SKIPIF--
<?php require 'needs_sandbox.inc' ?>
--FILE--
<?php
require 'common.inc';

$client = sandbox();
$since = time();
$id = $client->sendSip('8613800160000', '1001', 'my-app')->id;
$kinds = [
    // First, as long as there are few records.
    'not found' => fn () => thrown(fn () => $client->findCall($since, 0, '8613800138010', '1001', 'my-app')),
    'mistaken look' => fn () => thrown(fn () => $client->findCall(0, 0, '8613800138010', '1001', 'my-app')),
    'a record' => fn () => $client->getRecord($id)->cost,
    'no record' => fn () => thrown(fn () => $client->getRecord('2203031113381000002')),
    'records' => fn () => count($client->findRecords($since, callee: '8613800160000')),
    'accepted' => fn () => $client->sendSip('8613800138000', '1001', 'my-app', '4930123456', 'text')->id,
    'refused' => fn () => thrown(fn () => $client->sendSip('8613800138010', '1001', 'my-app')),
    'mistaken' => fn () => thrown(fn () => $client->sendSip('', '1001', 'my-app')),
    'constructed' => fn () => sandbox(),
    'not constructed' => fn () => thrown(fn () => sandbox(baseUrl: 'no URL')),
];
foreach ($kinds as $kind => $code) {
    for ($i = 0; $i < 20; $i++) {
        $code();
    }
    $before = memory_get_usage();
    for ($i = 0; $i < 1000; $i++) {
        $code();
    }
    $grown = memory_get_usage() - $before;
    echo "$kind: ", $grown < 4096 ? 'flat' : "$grown bytes more", "\n";
}
?>
--EXPECT--
not found: flat
mistaken look: flat
a record: flat
no record: flat
records: flat
accepted: flat
refused: flat
mistaken: flat
constructed: flat
not constructed: flat
