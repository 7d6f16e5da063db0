<?php

/* A call and a look at the records of each kind, and more clients than are kept: for valgrind. */

declare(strict_types=1);

foreach (['8613800138000', '8613800138010', '8613800138091', '8613800138092', '8613800138093', '', "\xff"] as $callee) {
    try {
        (new Itnio\Client())->sendSip($callee, '8001', '4', '4930123456', 'text');
    } catch (Itnio\Exception | ValueError) {
        // As it should.
    }
}
$since = time() - 60;
$client = new Itnio\Client();
$id = $client->sendSip('8613800138000', '8001', '4')->id;
foreach ([
    fn () => $client->findCall($since, 0, '8613800138091', '8001', '4', '4930123456', 'text', 20),
    fn () => $client->findCall($since, 0, '8613800138010', '8001', '4'),
    fn () => $client->findCall(0, 0, '8613800138010', '8001', '4'),
    fn () => $client->getRecord($id),
    fn () => $client->getRecord('2203031113381000002'),
    fn () => $client->getRecord(''),
    fn () => $client->findRecords($since, time(), '8613800138000', null, 'phone-8001', 'sandbox', 10, 20),
    fn () => $client->findRecords(0),
    fn () => new Itnio\Record($id, callee: "8613800138$id", callDuration: 5),
    fn () => new Itnio\Record($id, callee: []),
] as $look) {
    try {
        $look();
    } catch (Itnio\Exception | ValueError | TypeError) {
        // As it should.
    }
}
for ($i = 1; $i <= 40; $i++) {
    (new Itnio\Client(timeout: $i))->sendSip('8613800138000', '8001', '4');
}
try {
    new Itnio\Client(baseUrl: 'no URL');
} catch (ValueError) {
    echo "done\n";
}
