--TEST--
Records of calls: what happened, when, how long it took and what it cost
--SKIPIF--
<?php require 'needs_sandbox.inc' ?>
--FILE--
<?php
require 'common.inc';

$client = sandbox();
$since = time();
$id = $client->sendSip('8613800150051', '1001', 'my-app', '4930123456')->id;
$record = $client->getRecord($id);
var_dump($record->recordingId === $id);
var_dump($record);
var_dump($record->submittedAt - $since < 60, $record->hungUpAt - $record->answeredAt);
var_dump((new DateTimeImmutable($record->submitTime))->getTimestamp() === $record->submittedAt);
echo thrown(fn () => $record->cost = '0'), "\n";

echo "What has not happened:\n";
foreach (['busy' => '8613800150703', 'no answer' => '8613800150803', 'still ringing' => '8613800150903'] as $how => $callee) {
    $record = $client->getRecord($client->sendSip($callee, '1002', 'my-app')->id);
    printf("%s: %s\n", $how, json_encode([
        $record->ringingTime !== null,
        $record->ringingAt !== null,
        $record->answerTime,
        $record->answeredAt,
        $record->callDuration,
        $record->chargedDuration,
        $record->terminationCode,
        $record->terminationReason,
        $record->cost,
        $record->recordingFileId,
    ]));
}

echo "Many:\n";
$find = fn (mixed ...$query) => array_map(
    fn ($record) => $record->callee,
    $client->findRecords(...$query + ['since' => $since])
);
var_dump(count($find()) >= 4, count($find(maxRecords: 2)));
foreach ([
    ['callee' => '8613800150803'],
    ['displayNum' => '4930123456', 'callee' => '8613800150051'],
    ['displayNum' => '4930123456', 'callee' => '8613800150803'],
    ['phoneName' => 'phone-1002', 'callee' => '8613800150703'],
    ['phoneName' => 'phone-1003'],
    ['phoneGroup' => 'sandbox', 'callee' => '8613800150903', 'until' => time() + 1],
    ['phoneGroup' => 'another'],
    ['callee' => '8613800150903', 'until' => $since - 10, 'since' => $since - 20],
    ['callee' => '8613800150903', 'since' => $since + 600],
] as $query) {
    echo json_encode($find(...$query)), "\n";
}

echo "A look that fails says nothing about a phone:\n";
foreach ([
    fn () => $client->getRecord('2203031113381000002'),
    fn () => sandbox(apiSecret: 'wrong')->findRecords($since),
    fn () => sandbox(baseUrl: 'http://127.0.0.1:1/voice')->getRecord($id),
    fn () => sandbox(baseUrl: 'http://127.0.0.1:1/voice')->findRecords($since),
] as $look) {
    try {
        $look();
    } catch (Itnio\Exception $e) {
        $what = $e instanceof Itnio\RefusedException ? $e->getStatus() : $e->getCode();
        echo $e::class, ' ', $what, ' ', var_export($e->mayHaveDialed(), true), "\n";
    }
}
?>
--EXPECTF--
bool(true)
object(Itnio\Record)#%d (25) {
  ["recordingId"]=>
  string(19) "%d"
  ["callee"]=>
  string(13) "8613800150051"
  ["displayNum"]=>
  string(10) "4930123456"
  ["phoneName"]=>
  string(10) "phone-1001"
  ["phoneGroup"]=>
  string(7) "sandbox"
  ["region"]=>
  string(17) "Sandbox(Loopback)"
  ["submitTime"]=>
  string(25) "%d-%d-%dT%d:%d:%d+08:00"
  ["callTime"]=>
  string(25) "%d-%d-%dT%d:%d:%d+08:00"
  ["ringingTime"]=>
  string(25) "%d-%d-%dT%d:%d:%d+08:00"
  ["answerTime"]=>
  string(25) "%d-%d-%dT%d:%d:%d+08:00"
  ["hangupTime"]=>
  string(25) "%d-%d-%dT%d:%d:%d+08:00"
  ["submittedAt"]=>
  int(%d)
  ["calledAt"]=>
  int(%d)
  ["ringingAt"]=>
  int(%d)
  ["answeredAt"]=>
  int(%d)
  ["hungUpAt"]=>
  int(%d)
  ["callDuration"]=>
  int(15)
  ["chargedDuration"]=>
  int(60)
  ["terminationCode"]=>
  string(3) "200"
  ["terminationReason"]=>
  string(7) "success"
  ["cost"]=>
  string(4) "0.02"
  ["rate"]=>
  string(4) "0.02"
  ["billingPeriod"]=>
  string(5) "60+60"
  ["currency"]=>
  NULL
  ["recordingFileId"]=>
  string(24) "file-%d"
}
bool(true)
int(15)
bool(true)
Error: Cannot modify readonly property Itnio\Record::$cost
What has not happened:
busy: [false,false,null,null,0,0,"486","Busy Here","0",null]
no answer: [true,true,null,null,0,0,"480","No Answer","0",null]
still ringing: [true,true,null,null,null,null,null,null,null,null]
Many:
bool(true)
int(2)
["8613800150803"]
["8613800150051"]
[]
["8613800150703"]
[]
["8613800150903"]
[]
[]
[]
A look that fails says nothing about a phone:
Itnio\RefusedException -24 true
Itnio\RefusedException -1 true
Itnio\FailureException 4 true
Itnio\FailureException 4 true
