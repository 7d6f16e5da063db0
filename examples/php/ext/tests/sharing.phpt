--TEST--
Objects with the same settings share a client, which outlives them; no more than max_persistent do
--SKIPIF--
<?php require 'needs_extension.inc' ?>
--INI--
itnio.max_persistent=3
--FILE--
<?php
function client(mixed ...$settings): Itnio\Client
{
    return new Itnio\Client(...$settings + [
        'apiKey' => 'key',
        'apiSecret' => 'secret',
        'baseUrl' => 'http://127.0.0.1:1/voice',
    ]);
}

function count_clients(): int
{
    ob_start();
    (new ReflectionExtension('itnio'))->info();
    preg_match('/Clients of this process => (\d+)/', ob_get_clean(), $found);
    return (int) $found[1];
}

echo 'none yet: ', count_clients(), "\n";
$one = client();
$two = client();
echo 'the same: ', count_clients(), "\n";
unset($one, $two);
echo 'still there: ', count_clients(), "\n";
client();
echo 'found again: ', count_clients(), "\n";

$held = [client()];
foreach ([
    'key' => ['apiKey' => 'secret'],
    'both' => ['apiKey' => 'secret', 'apiSecret' => 'key'],
    // Without their lengths, these would be the same bytes as the first.
    'moved' => ['apiKey' => 'keys', 'apiSecret' => 'ecret'],
    'URL' => ['baseUrl' => 'http://127.0.0.1:2/voice'],
    'proxy' => ['proxy' => 'http://127.0.0.1:1'],
    'no proxy' => ['proxy' => ''],
    'connect' => ['connectTimeout' => 7],
    'all' => ['timeout' => 7],
] as $name => $settings) {
    $held[] = client(...$settings);
    echo "another $name: ", count_clients(), "\n";
}
putenv('https_proxy=http://127.0.0.1:3');
$held[] = client();
echo 'another environment: ', count_clients(), "\n";
putenv('https_proxy');
$held[] = client();
echo 'as before: ', count_clients(), "\n";

echo "Clients that are not in use are freed, down to the limit:\n";
while ($held) {
    array_shift($held);
    echo count_clients(), ' ';
}
echo "\n";
for ($i = 1; $i <= 1000; $i++) {
    client(timeout: $i);
}
echo count_clients(), "\n";
?>
--EXPECT--
none yet: 0
the same: 1
still there: 1
found again: 1
another key: 2
another both: 3
another moved: 4
another URL: 5
another proxy: 6
another no proxy: 7
another connect: 8
another all: 9
another environment: 10
as before: 10
Clients that are not in use are freed, down to the limit:
10 9 8 7 6 5 4 3 3 3 3 
3
