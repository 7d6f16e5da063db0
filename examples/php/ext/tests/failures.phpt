--TEST--
A failure says whether the phone may have rung
--SKIPIF--
<?php require 'needs_sandbox.inc' ?>
--FILE--
<?php
require 'common.inc';

const NAMES = [
    Itnio\FailureException::CONNECT_FAILED => 'CONNECT_FAILED',
    Itnio\FailureException::TLS_FAILED => 'TLS_FAILED',
    Itnio\FailureException::PROXY_FAILED => 'PROXY_FAILED',
    Itnio\FailureException::TIMED_OUT => 'TIMED_OUT',
    Itnio\FailureException::CONNECTION_LOST => 'CONNECTION_LOST',
    Itnio\FailureException::HTTP_ERROR => 'HTTP_ERROR',
    Itnio\FailureException::BAD_RESPONSE => 'BAD_RESPONSE',
];

function attempt(string $callee, array $settings = [], ?float $timeout = null): void
{
    try {
        sandbox(...$settings)->sendSip($callee, '1001', 'my-app', timeout: $timeout);
        echo "accepted\n";
    } catch (Itnio\FailureException $failure) {
        printf(
            "%s: %s; %s\n",
            NAMES[$failure->getCode()],
            $failure->mayHaveDialed() ? 'it may have rung' : 'it has not rung',
            $failure->getMessage() === '' ? 'no reason' : 'a reason',
        );
    }
}

echo "Nothing was sent:\n";
attempt('8613800138000', ['baseUrl' => 'http://127.0.0.1:1/voice']);
// The system's trust store does not have the sandbox's authority.
attempt('8613800138000', ['caFile' => null]);
attempt('8613800138000', ['proxy' => 'http://127.0.0.1:1']);

echo "May have been placed:\n";
attempt('8613800138091');
attempt('8613800138092');
attempt('8613800138093');
$start = microtime(true);
attempt('8613800138094', ['timeout' => 0.5]);
$seconds = microtime(true) - $start;
echo $seconds >= 0.5 && $seconds < 20 ? "in time\n" : "after $seconds s\n";
$start = microtime(true);
attempt('8613800138094', timeout: 0.5);
$seconds = microtime(true) - $start;
echo $seconds >= 0.5 && $seconds < 20 ? "in the call's own time\n" : "after $seconds s\n";
?>
--EXPECT--
Nothing was sent:
CONNECT_FAILED: it has not rung; a reason
TLS_FAILED: it has not rung; a reason
PROXY_FAILED: it has not rung; a reason
May have been placed:
CONNECTION_LOST: it may have rung; a reason
HTTP_ERROR: it may have rung; a reason
BAD_RESPONSE: it may have rung; a reason
TIMED_OUT: it may have rung; a reason
in time
TIMED_OUT: it may have rung; a reason
in the call's own time
