--TEST--
Parent and children of a fork use one client, each with connections of its own
--SKIPIF--
<?php
require 'needs_sandbox.inc';
if (!function_exists('pcntl_fork')) {
    die('skip needs pcntl');
}
?>
--FILE--
<?php
require 'common.inc';

$client = sandbox();
$before = $client->sendSip('8613800138000', '1001', 'my-app')->id;
$children = [];
for ($i = 0; $i < 4; $i++) {
    $pid = pcntl_fork();
    if ($pid === 0) {
        $own = $client->sendSip('8613800138000', '1001', 'my-app')->id;
        $other = sandbox(timeout: 20)->sendSip('8613800138000', '1001', 'my-app')->id;
        // It ends as scripts do, and frees what it has inherited.
        exit(count(array_unique([$before, $own, $other])) === 3 ? 0 : 1);
    }
    $children[] = $pid;
}
foreach ($children as $pid) {
    pcntl_waitpid($pid, $status);
    echo pcntl_wifexited($status) ? pcntl_wexitstatus($status) : 'killed', "\n";
}
echo strlen($client->sendSip('8613800138000', '1001', 'my-app')->id), "\n";
?>
--EXPECT--
0
0
0
0
19
