#!/usr/bin/env php
<?php

/*
 * send_sip: places one phone call through the Itniotech API and gives its result. With the
 * extension where it is loaded, else over FFI.
 *
 *     php send_sip.php [--patience S] CALLEE ACCOUNT APP_ID [DISPLAY_NUM [CALLED_INFO]]
 *
 * A call in doubt is looked for in the API's records, for at most S seconds (10).
 * An empty DISPLAY_NUM or CALLED_INFO is left out of the request. It takes from the environment
 *     ITNIO_API_KEY, ITNIO_API_SECRET   the credentials, if they are not in php.ini
 *     ITNIO_BASE_URL                    where the API is, if not at Itniotech's own address
 *     ITNIO_CA_FILE                     a PEM file to trust instead of the system's trust store
 * The last two are how it talks to the sandbox gateway of this repository.
 *
 * Its exit status says what to do next:
 *     0   the API accepted the call, or its records have it
 *     1   the API refused the call: no phone rings; the same call would be refused again
 *     2   nothing was sent: no phone rings
 *     3   the call may have been placed: look before you redial
 *    64   used wrongly (EX_USAGE): nothing was sent
 */

declare(strict_types=1);

if (!extension_loaded('itnio')) {
    require __DIR__ . '/ffi/Itnio.php';
}

$arguments = array_slice($argv, 1);
$patience = 10.0;
if (($arguments[0] ?? '') === '--patience') {
    $patience = filter_var($arguments[1] ?? '', FILTER_VALIDATE_FLOAT, ['options' => ['min_range' => 0]]);
    $arguments = array_slice($arguments, 2);
}
if ($patience === false || count($arguments) < 3 || count($arguments) > 5) {
    fwrite(STDERR, "usage: send_sip.php [--patience S] CALLEE ACCOUNT APP_ID [DISPLAY_NUM [CALLED_INFO]]\n");
    exit(64);
}
$call = [
    'callee' => $arguments[0],
    'account' => $arguments[1],
    'appId' => $arguments[2],
    'displayNum' => ($arguments[3] ?? '') ?: null,
    'calledInfo' => ($arguments[4] ?? '') ?: null,
];

// The time before the call: findCall() needs it.
$since = time();

try {
    // One client serves a whole script, and under FPM (with the extension) the whole worker.
    $client = new Itnio\Client(
        apiKey: getenv('ITNIO_API_KEY') ?: null,
        apiSecret: getenv('ITNIO_API_SECRET') ?: null,
        baseUrl: getenv('ITNIO_BASE_URL') ?: null,
        caFile: getenv('ITNIO_CA_FILE') ?: null,
    );
    $recording = $client->sendSip(...$call);
    echo "status=0\nrecording_id=$recording->id\n";
    exit(0);
} catch (Itnio\RefusedException $refusal) {
    // Understood and refused. Some statuses are about the call (-22), some about the account (-1, -2,
    // -10): a dialer stops on those and calls for help.
    echo "status={$refusal->getStatus()}\n";
    fwrite(STDERR, "send_sip: {$refusal->getMessage()}\n");
    fwrite(STDERR, "send_sip: documented meaning: {$refusal->getStatusMessage()}\n");
    exit(1);
} catch (Itnio\FailureException $failure) {
    fwrite(STDERR, "send_sip: {$failure->getMessage()}\n");
    if (!isset($client) || !$failure->mayHaveDialed()) {
        fwrite(STDERR, "send_sip: nothing was sent; it is safe to try again\n");
        exit(2);
    }
    fwrite(STDERR, "send_sip: it may be ringing; looking for it in the API's records\n");
} catch (ValueError $mistake) {
    // An argument that cannot be sent. It would fail every time.
    fwrite(STDERR, "send_sip: {$mistake->getMessage()}\n");
    exit(2);
}

try {
    // This only reads: it never places a call.
    $recording = $client->findCall($since, $patience, ...$call);
    fwrite(STDERR, "send_sip: placed after all, recording ID $recording->id\n");
    echo "recording_id=$recording->id\n";
    exit(0);
} catch (Itnio\FailureException $doubt) {
    // Nobody says how soon a record appears, so that it may still have been placed.
    fwrite(STDERR, $doubt->getCode() === Itnio\FailureException::NO_RECORD
        ? "send_sip: no record after $patience s; look before you redial\n"
        : "send_sip: {$doubt->getMessage()}; look before you redial\n");
    exit(3);
}
