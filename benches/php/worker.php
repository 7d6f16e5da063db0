<?php

/*
 * Places calls and measures them, as benches/c/worker.c does, and by its commands (but for `fresh` and `keep`, and
 * with one thread):
 *
 *     php worker.php itnio|curl|curl-new BASE_URL CA_FILE
 *
 * itnio      the extension
 * curl       ext-curl used well: one handle, set up once
 * curl-new   a new handle for each call, as the API's documentation shows it
 *
 * The work is the same: each call signs, writes and reads JSON, and verifies the server's certificate.
 */

declare(strict_types=1);

// The call of benches/c/worker.h.
const API_KEY = 'bDqJFiq9';
const API_SECRET = '7bz1lzh9';
const CALLEE = '4915112345678';
const DISPLAY_NUM = '4915187654321';
const ACCOUNT = '1001';
const APP_ID = '4';
const CONNECT_TIMEOUT_MS = 30000;
const TIMEOUT_MS = 60000;

[, $kind, $baseUrl, $caFile] = $argv;

/** A function that places a call, and throws where it is not accepted. */
function itnio(string $baseUrl, string $caFile): Closure
{
    $client = new Itnio\Client(
        apiKey: API_KEY,
        apiSecret: API_SECRET,
        baseUrl: $baseUrl,
        caFile: $caFile,
        proxy: '',
        connectTimeout: CONNECT_TIMEOUT_MS / 1000,
        timeout: TIMEOUT_MS / 1000,
    );
    return static function () use ($client): void {
        $client->sendSip(callee: CALLEE, account: ACCOUNT, appId: APP_ID, displayNum: DISPLAY_NUM);
    };
}

/** A handle with what is the same in each call. */
function handle(string $baseUrl, string $caFile): CurlHandle
{
    $handle = curl_init("$baseUrl/sendSip");
    curl_setopt_array($handle, [
        CURLOPT_POST => true,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_CAINFO => $caFile,
        CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
        CURLOPT_PROXY => '',
        CURLOPT_CONNECTTIMEOUT_MS => CONNECT_TIMEOUT_MS,
        CURLOPT_TIMEOUT_MS => TIMEOUT_MS,
    ]);
    return $handle;
}

function post(CurlHandle $handle): void
{
    $timestamp = (string) time();
    curl_setopt_array($handle, [
        CURLOPT_HTTPHEADER => [
            'Content-Type: application/json;charset=UTF-8',
            'Sign: ' . md5(API_KEY . API_SECRET . $timestamp),
            "Timestamp: $timestamp",
            'Api-Key: ' . API_KEY,
        ],
        CURLOPT_POSTFIELDS => json_encode([
            'callee' => CALLEE,
            'displayNum' => DISPLAY_NUM,
            'account' => ACCOUNT,
            'appId' => APP_ID,
        ], JSON_THROW_ON_ERROR),
    ]);
    $body = curl_exec($handle);
    if ($body === false) {
        throw new RuntimeException(curl_error($handle));
    }
    $response = json_decode($body, true, flags: JSON_THROW_ON_ERROR);
    $isAccepted = ($response['status'] ?? null) === '0' && ($response['data'] ?? '') !== '';
    if (curl_getinfo($handle, CURLINFO_RESPONSE_CODE) !== 200 || !$isAccepted) {
        throw new RuntimeException("not an accepted call: $body");
    }
}

function client(string $kind, string $baseUrl, string $caFile): Closure
{
    if ($kind === 'itnio') {
        return itnio($baseUrl, $caFile);
    }
    if ($kind === 'curl-new') {
        return static function () use ($baseUrl, $caFile): void {
            $handle = handle($baseUrl, $caFile);
            post($handle);
            curl_close($handle);
        };
    }
    $handle = handle($baseUrl, $caFile);
    return static function () use ($handle): void {
        post($handle);
    };
}

function version(string $kind): string
{
    if ($kind === 'itnio') {
        return 'PHP ' . PHP_VERSION . ', extension ' . phpversion('itnio');
    }
    return 'ext-curl, libcurl ' . curl_version()['version'] . ', ' . curl_version()['ssl_version'];
}

function cpuTime(): int
{
    $usage = getrusage();
    $seconds = $usage['ru_utime.tv_sec'] + $usage['ru_stime.tv_sec'];
    $micros = $usage['ru_utime.tv_usec'] + $usage['ru_stime.tv_usec'];
    return $seconds * 1_000_000_000 + $micros * 1000;
}

/** Places calls for so many nanoseconds, or so many calls, and gives the line of figures. */
function measure(Closure $call, ?int $span, int $calls): string
{
    $samples = [];
    $cpu = cpuTime();
    $began = $time = hrtime(true);
    while ($span === null ? count($samples) < $calls : $time - $began < $span) {
        $call();
        $after = hrtime(true);
        $samples[] = $after - $time;
        $time = $after;
    }
    $elapsed = hrtime(true) - $began;
    $cpu = cpuTime() - $cpu;
    sort($samples);
    $count = count($samples);
    $p99 = $samples[$count - 1 - intdiv($count, 100)];
    return "$count $elapsed $cpu {$samples[intdiv($count, 2)]} $p99";
}

$call = null;
while (($line = fgets(STDIN)) !== false) {
    [$command, $number] = explode(' ', trim($line)) + [1 => '0'];
    $number = (int) $number;
    if ($command === 'version') {
        $reply = version($kind);
    } elseif ($command === 'threads' && $number === 1) {
        $call = client($kind, $baseUrl, $caFile);
        $call();
        $reply = '0';
    } elseif ($command === 'run' && $call !== null) {
        $reply = measure($call, $number * 1_000_000, 0);
    } elseif ($command === 'calls' && $call !== null) {
        $reply = measure($call, null, $number);
    } else {
        fwrite(STDERR, "worker: $line");
        exit(1);
    }
    echo "$reply\n";
}
