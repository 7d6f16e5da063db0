--TEST--
A signal and max_execution_time end no call and no look: its handler runs once the call has returned
--SKIPIF--
<?php
require 'needs_sandbox.inc';
if (!function_exists('pcntl_alarm')) {
    die('skip needs pcntl');
}
?>
--FILE--
<?php
require 'common.inc';

$client = sandbox();
pcntl_async_signals(true);
$handled = null;
pcntl_signal(SIGALRM, function () use (&$handled) {
    $handled = microtime(true);
});
// Counts the processor's time on Linux, of which a call takes next to none.
set_time_limit(1);
$start = microtime(true);
pcntl_alarm(1);
// The sandbox sends the response 2 s later.
echo strlen($client->sendSip('8613800138095', '1001', 'my-app')->id), "\n";
var_dump($handled - $start >= 1.9);

$start = microtime(true);
thrown(fn () => $client->sendSip('8613800170097', '1001', 'my-app'));
pcntl_alarm(1);
// Its record appears after 1.5 s.
echo strlen($client->findCall((int) $start, 30, '8613800170097', '1001', 'my-app')->id), "\n";
var_dump($handled - $start >= 1.4);
?>
--EXPECT--
19
bool(true)
19
bool(true)
