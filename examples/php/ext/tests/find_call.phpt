--TEST--
A call in doubt is found by the API's records, or stays in doubt; no look places a call
--SKIPIF--
<?php require 'needs_sandbox.inc' ?>
--FILE--
<?php
require 'common.inc';

const NAMES = [
    Itnio\FailureException::CONNECTION_LOST => 'CONNECTION_LOST',
    Itnio\FailureException::NO_RECORD => 'NO_RECORD',
    Itnio\FailureException::SEVERAL_RECORDS => 'SEVERAL_RECORDS',
    Itnio\FailureException::RECORDS_FAILED => 'RECORDS_FAILED',
];

/** What it ends with, in a line. */
function outcome(callable $code): string
{
    try {
        return 'placed, ' . strlen($code()->id);
    } catch (Itnio\Exception $e) {
        $name = $e instanceof Itnio\RefusedException ? "refused {$e->getStatus()}" : NAMES[$e->getCode()];
        return "$name, " . ($e->mayHaveDialed() ? 'it may have rung' : 'it has not rung');
    }
}

$client = sandbox();
$since = time();

/** A call, and looks for it. */
function look(string $title, string $callee, float $patience, int $calls = 1, int $looks = 1): void
{
    global $client, $since;
    echo "$title:\n";
    $call = ['callee' => $callee, 'account' => '1001', 'appId' => 'my-app', 'calledInfo' => 'text'];
    for ($i = 0; $i < $calls; $i++) {
        echo '  ', outcome(fn () => $client->sendSip(...$call)), "\n";
    }
    for ($i = 0; $i < $looks; $i++) {
        echo '  ', outcome(fn () => $client->findCall($since, $patience, ...$call)), "\n";
    }
    $records = $client->findRecords($since, callee: $callee);
    echo '  ', count($records), " in the records\n";
}

// Its ID has been handed out, so that it is not another call's.
look('Accepted', '8613800140000', 0);
look('Refused', '8613800140010', 0);
look('Placed', '8613800140091', 0, looks: 2);
look('Placed, and its record comes later', '8613800140097', 30);
$start = microtime(true);
look('In doubt for good', '8613800140096', 0.7);
var_dump(microtime(true) - $start >= 0.7);
look('Several', '8613800140191', 0, calls: 2);

echo "Placed before the time that is asked for, or with another number shown:\n";
$call = ['callee' => '8613800140291', 'account' => '1001', 'appId' => 'my-app', 'displayNum' => '4930123456'];
echo outcome(fn () => $client->sendSip(...$call)), "\n";
echo outcome(fn () => $client->findCall($since + 600, 0, ...$call)), "\n";
echo outcome(fn () => $client->findCall($since, 0, ...['displayNum' => '4930654321'] + $call)), "\n";
echo outcome(fn () => $client->findCall($since, 0, ...$call)), "\n";

echo "The records of several calls:\n";
try {
    $client->findCall($since, 0, '8613800140191', '1001', 'my-app');
} catch (Itnio\FailureException $failure) {
    foreach ($client->findRecords($since, callee: '8613800140191') as $record) {
        var_dump(str_contains($failure->getMessage(), $record->recordingId));
    }
}

echo "The look itself fails:\n";
foreach ([['baseUrl' => 'http://127.0.0.1:1/voice'], ['apiSecret' => 'wrong']] as $settings) {
    $other = sandbox(...$settings);
    echo outcome(fn () => $other->findCall($since, 0, '8613800140091', '1001', 'my-app')), "\n";
}
echo outcome(fn () => $client->findCall(0, 0, '8613800140091', '1001', 'my-app')), "\n";
echo outcome(fn () => $client->findCall($since, 0, "\xff", '1001', 'my-app')), "\n";
?>
--EXPECT--
Accepted:
  placed, 19
  NO_RECORD, it may have rung
  1 in the records
Refused:
  refused -10, it has not rung
  NO_RECORD, it may have rung
  0 in the records
Placed:
  CONNECTION_LOST, it may have rung
  placed, 19
  NO_RECORD, it may have rung
  1 in the records
Placed, and its record comes later:
  CONNECTION_LOST, it may have rung
  placed, 19
  1 in the records
In doubt for good:
  CONNECTION_LOST, it may have rung
  NO_RECORD, it may have rung
  0 in the records
bool(true)
Several:
  CONNECTION_LOST, it may have rung
  CONNECTION_LOST, it may have rung
  SEVERAL_RECORDS, it may have rung
  2 in the records
Placed before the time that is asked for, or with another number shown:
CONNECTION_LOST, it may have rung
NO_RECORD, it may have rung
NO_RECORD, it may have rung
placed, 19
The records of several calls:
bool(true)
bool(true)
The look itself fails:
RECORDS_FAILED, it may have rung
RECORDS_FAILED, it may have rung
RECORDS_FAILED, it may have rung
RECORDS_FAILED, it may have rung
