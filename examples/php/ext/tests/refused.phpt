--TEST--
A call that the API refuses is a RefusedException with its status, and has not rung
--SKIPIF--
<?php require 'needs_sandbox.inc' ?>
--FILE--
<?php
require 'common.inc';

$client = sandbox();
foreach (['01', '02', '10', '16', '18', '22', '26'] as $last) {
    try {
        $client->sendSip("86138001380$last", '1001', 'my-app');
        echo "accepted\n";
    } catch (Itnio\Exception $refusal) {
        printf(
            "%s, %d, %d, %s, %s\n%s\n",
            $refusal::class,
            $refusal->getCode(),
            $refusal->getStatus(),
            var_export($refusal->mayHaveDialed(), true),
            $refusal->getStatusMessage(),
            $refusal->getMessage(),
        );
    }
}
// The server judges what it knows better: this is no mistake of an argument.
echo thrown(fn () => $client->sendSip('no number', '1001', 'my-app')), "\n";
echo thrown(fn () => sandbox(apiSecret: 'wrong')->sendSip('8613800138000', '1001', 'my-app')), "\n";
?>
--EXPECTF--
Itnio\RefusedException, 1, -1, false, authentication error
the API refused the call with status -1: %s
Itnio\RefusedException, 1, -2, false, restricted IP access
the API refused the call with status -2: %s
Itnio\RefusedException, 1, -10, false, the customer's balance is insufficient
the API refused the call with status -10: %s
Itnio\RefusedException, 1, -16, false, timestamp expires
the API refused the call with status -16: %s
Itnio\RefusedException, 1, -18, false, port program unusual
the API refused the call with status -18: %s
Itnio\RefusedException, 1, -22, false, parameter exception
the API refused the call with status -22: %s
Itnio\RefusedException, 1, -26, false, getting fee failed
the API refused the call with status -26: %s
Itnio\RefusedException: the API refused the call with status -22: %s
Itnio\RefusedException: the API refused the call with status -1: %s
