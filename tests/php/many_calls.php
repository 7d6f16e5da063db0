<?php

/*
 * php many_calls.php CALLS: places that many, a tenth of which are refused, with a second client now
 * and then, and says by how much the process has grown: PHP's memory in bytes, all of it in KiB.
 */

declare(strict_types=1);

function resident(): int
{
    preg_match('/^VmRSS:\s*(\d+) kB/m', file_get_contents('/proc/self/status'), $found);
    return (int) $found[1];
}

function place(Itnio\Client $client, int $number): void
{
    try {
        $client->sendSip('86138001380' . ($number % 10 === 0 ? '10' : '00'), '8001', '4', null, 'text');
    } catch (Itnio\RefusedException) {
        // As it should.
    }
}

/* The client that stays, and now and then one with other settings. */
function place_all(Itnio\Client $client, int $calls, int $every): void
{
    for ($i = 1; $i <= $calls; $i++) {
        place($i % $every === 0 ? new Itnio\Client(timeout: 20 + $i) : $client, $i);
    }
}

$client = new Itnio\Client();
// As many other clients as are kept are there before anything is measured.
place_all($client, 1000, 25);
$memory = memory_get_usage();
$resident = resident();
place_all($client, (int) $argv[1], 100);
printf("%d %d\n", memory_get_usage() - $memory, resident() - $resident);
