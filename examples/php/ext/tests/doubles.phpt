--TEST--
Code that places calls can be tested without a client: what it gets can be made by hand
--FILE--
<?php
require 'common.inc';

foreach ([
    new Itnio\RefusedException(-10),
    new Itnio\RefusedException(-10, 'no money'),
    new Itnio\RefusedException(-12345),
    new Itnio\RefusedException(PHP_INT_MAX),
] as $e) {
    var_dump([$e->getMessage(), $e->getCode(), $e->getStatus(), $e->getStatusMessage(), $e->mayHaveDialed()]);
}
foreach ([
    new Itnio\FailureException(Itnio\FailureException::CONNECT_FAILED),
    new Itnio\FailureException(Itnio\FailureException::TIMED_OUT, 'too late'),
    // Results of a later version, and what is none.
    new Itnio\FailureException(99),
    new Itnio\FailureException(PHP_INT_MAX),
] as $e) {
    var_dump([$e->getMessage(), $e->getCode(), $e->mayHaveDialed()]);
}
$recording = new Itnio\Recording('2203031113381000002');
var_dump($recording->id);
echo thrown(fn () => $recording->__construct('another')), "\n";
var_dump($recording->id);

$record = new Itnio\Record('2203031113381000002', callDuration: 5, cost: '0.10');
var_dump($record->recordingId, $record->callee, $record->callDuration, $record->cost);
echo thrown(fn () => $record->__construct('another')), "\n";
var_dump($record->recordingId);
foreach ([[], ['1', []], ['1', 'cost' => []], ['1', 'answeredAt' => 'soon']] as $arguments) {
    echo strstr(thrown(fn () => new Itnio\Record(...$arguments)), ':', true), "\n";
}
?>
--EXPECTF--
array(5) {
  [0]=>
  string(%d) "the API refused the call with status -10: the customer's balance is insufficient"
  [1]=>
  int(1)
  [2]=>
  int(-10)
  [3]=>
  string(%d) "the customer's balance is insufficient"
  [4]=>
  bool(false)
}
array(5) {
  [0]=>
  string(%d) "the API refused the call with status -10: no money"
  [1]=>
  int(1)
  [2]=>
  int(-10)
  [3]=>
  string(%d) "the customer's balance is insufficient"
  [4]=>
  bool(false)
}
array(5) {
  [0]=>
  string(%d) "the API refused the call with status -12345: %s"
  [1]=>
  int(1)
  [2]=>
  int(-12345)
  [3]=>
  string(%d) "%s"
  [4]=>
  bool(false)
}
array(5) {
  [0]=>
  string(%d) "the API refused the call with status %d: %s"
  [1]=>
  int(1)
  [2]=>
  int(%d)
  [3]=>
  string(%d) "%s"
  [4]=>
  bool(false)
}
array(3) {
  [0]=>
  string(%d) "%s"
  [1]=>
  int(4)
  [2]=>
  bool(false)
}
array(3) {
  [0]=>
  string(8) "too late"
  [1]=>
  int(10)
  [2]=>
  bool(true)
}
array(3) {
  [0]=>
  string(%d) "%s"
  [1]=>
  int(99)
  [2]=>
  bool(true)
}
array(3) {
  [0]=>
  string(%d) "%s"
  [1]=>
  int(%d)
  [2]=>
  bool(true)
}
string(19) "2203031113381000002"
Error: Cannot modify readonly property Itnio\Recording::$id
string(19) "2203031113381000002"
string(19) "2203031113381000002"
NULL
int(5)
string(4) "0.10"
Error: Cannot modify readonly property Itnio\Record::$recordingId
string(19) "2203031113381000002"
ArgumentCountError
TypeError
TypeError
TypeError
