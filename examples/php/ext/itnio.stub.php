<?php

/**
 * Phone calls through the Itniotech voice API. For IDEs, and the source of itnio_arginfo.h:
 * after a change, run PHP's build/gen_stub.php on this file.
 *
 * @generate-class-entries
 */

namespace Itnio;

/**
 * A call could not be placed, or it is unknown whether it was: ask mayHaveDialed() before you redial. Or the
 * records could not be read.
 *
 * A mistake in an argument is a \ValueError instead; nothing was sent then.
 */
abstract class Exception extends \RuntimeException
{
    /**
     * Whether the phone may have rung. False: it has not, and it is safe to try again. From findCall(),
     * getRecord() and findRecords() it is true, since a look at the records says nothing about a phone.
     */
    abstract public function mayHaveDialed(): bool;
}

/**
 * The API answered, and refused the call: no phone rings. From getRecord() and findRecords(): it refused that look.
 */
final class RefusedException extends Exception
{
    /**
     * What getCode() gives.
     *
     * @var int
     * @cvalue ITNIO_REJECTED
     */
    public const REJECTED = 1;

    private int $status;

    /** Whether it comes from getRecord() or findRecords(). */
    private bool $isLook = false;

    /**
     * @param string $reason the API's own words; empty: the documented meaning of the status
     */
    public function __construct(int $status, string $reason = "") {}

    /**
     * The API's status, such as -10 where the balance is insufficient, or -24 where there is no such record.
     */
    public function getStatus(): int {}

    /**
     * The meaning that the API's documentation gives to this status.
     */
    public function getStatusMessage(): string {}

    /**
     * False, but true from getRecord() and findRecords().
     */
    public function mayHaveDialed(): bool {}
}

/**
 * No response of the API says whether the call was placed. getCode() is one of the constants, or a number
 * that a later version of the library has added.
 */
final class FailureException extends Exception
{
    /**
     * The host name has no address, or the lookup took too long; nothing was sent.
     *
     * @var int
     * @cvalue ITNIO_RESOLVE_FAILED
     */
    public const RESOLVE_FAILED = 3;

    /**
     * Refused, unreachable, timed out, or ended before the whole request was sent.
     *
     * @var int
     * @cvalue ITNIO_CONNECT_FAILED
     */
    public const CONNECT_FAILED = 4;

    /**
     * The TLS handshake or the server's certificate failed; nothing was sent.
     *
     * @var int
     * @cvalue ITNIO_TLS_FAILED
     */
    public const TLS_FAILED = 5;

    /**
     * The proxy could not be reached, or refused or failed the tunnel; nothing was sent.
     *
     * @var int
     * @cvalue ITNIO_PROXY_FAILED
     */
    public const PROXY_FAILED = 6;

    /**
     * The client was shut down before the request was sent. Nothing in PHP shuts a client down.
     *
     * @var int
     * @cvalue ITNIO_SHUT_DOWN
     */
    public const SHUT_DOWN = 7;

    /**
     * The request was sent, and no whole response came in time. The phone may have rung.
     *
     * @var int
     * @cvalue ITNIO_TIMED_OUT
     */
    public const TIMED_OUT = 10;

    /**
     * The request was sent, and the connection ended before a whole response. The phone may have rung.
     *
     * @var int
     * @cvalue ITNIO_CONNECTION_LOST
     */
    public const CONNECTION_LOST = 11;

    /**
     * An HTTP response that is not the API's: 3xx, 4xx, 5xx, a proxy's page. The phone may have rung.
     *
     * @var int
     * @cvalue ITNIO_HTTP_ERROR
     */
    public const HTTP_ERROR = 12;

    /**
     * A response that is not the documented one, or not to this request. The phone may have rung.
     *
     * @var int
     * @cvalue ITNIO_BAD_RESPONSE
     */
    public const BAD_RESPONSE = 13;

    /**
     * A bug in the library. The phone may have rung.
     *
     * @var int
     * @cvalue ITNIO_INTERNAL_ERROR
     */
    public const INTERNAL_ERROR = 14;

    /**
     * From findCall(): there is no record of such a call yet. That proves nothing: nobody says how soon a record
     * appears.
     *
     * @var int
     * @cvalue ITNIO_NO_RECORD
     */
    public const NO_RECORD = 15;

    /**
     * From findCall(): there are records of several such calls; the message has their recording IDs.
     *
     * @var int
     * @cvalue ITNIO_SEVERAL_RECORDS
     */
    public const SEVERAL_RECORDS = 16;

    /**
     * From findCall(): the records could not be read, or an argument is wrong; the message says which.
     *
     * @var int
     * @cvalue ITNIO_RECORDS_FAILED
     */
    public const RECORDS_FAILED = 17;

    /** Whether it comes from getRecord() or findRecords(). */
    private bool $isLook = false;

    /**
     * @param int $result one of the constants
     * @param string $reason what failed; empty: what the result means in general
     */
    public function __construct(int $result, string $reason = "") {}

    public function mayHaveDialed(): bool {}
}

/**
 * A call that was placed.
 */
final class Recording
{
    /**
     * The recording ID: never empty, and without control characters.
     */
    public readonly string $id;

    public function __construct(string $id) {}
}

/**
 * A record of a call, as the API gave it. What is null is not there.
 *
 * Times are there as received, and in Unix seconds of this host's clock, as far as the server's is known. The
 * seconds are null, too, where the text is not in the documented format (RFC 3339).
 */
final class Record
{
    /** As Recording's id: never empty. */
    public readonly string $recordingId;

    /** The number that was called. */
    public readonly ?string $callee;

    /** The number that was shown. */
    public readonly ?string $displayNum;

    /** The phone's name (which is not its account). */
    public readonly ?string $phoneName;

    /** The name of the phone's group. */
    public readonly ?string $phoneGroup;

    /** The callee's region and operator. */
    public readonly ?string $region;

    /** When the call was asked for. */
    public readonly ?string $submitTime;

    /** When the callee was called. */
    public readonly ?string $callTime;

    /** When the phone rang. */
    public readonly ?string $ringingTime;

    /** When the callee answered. */
    public readonly ?string $answerTime;

    /** When the call was over. */
    public readonly ?string $hangupTime;

    /** submitTime, in Unix seconds. */
    public readonly ?int $submittedAt;

    /** callTime, in Unix seconds. */
    public readonly ?int $calledAt;

    /** ringingTime, in Unix seconds. */
    public readonly ?int $ringingAt;

    /** answerTime, in Unix seconds. */
    public readonly ?int $answeredAt;

    /** hangupTime, in Unix seconds. */
    public readonly ?int $hungUpAt;

    /** How long the call was, in seconds. */
    public readonly ?int $callDuration;

    /** How much of that is charged, in seconds. */
    public readonly ?int $chargedDuration;

    /** How the call ended: a SIP code, "200" where it was established. */
    public readonly ?string $terminationCode;

    /** The same in words. */
    public readonly ?string $terminationReason;

    /** What the call cost, with the digits received. */
    public readonly ?string $cost;

    /** What a billing period costs, with the digits received. */
    public readonly ?string $rate;

    /** Such as "60+60": the first period and the others, in seconds. */
    public readonly ?string $billingPeriod;

    /** Of cost and rate. Null: that of the account, by the documentation US dollars. */
    public readonly ?string $currency;

    /** The ID of the file with the recorded call. */
    public readonly ?string $recordingFileId;

    public function __construct(
        string $recordingId,
        ?string $callee = null,
        ?string $displayNum = null,
        ?string $phoneName = null,
        ?string $phoneGroup = null,
        ?string $region = null,
        ?string $submitTime = null,
        ?string $callTime = null,
        ?string $ringingTime = null,
        ?string $answerTime = null,
        ?string $hangupTime = null,
        ?int $submittedAt = null,
        ?int $calledAt = null,
        ?int $ringingAt = null,
        ?int $answeredAt = null,
        ?int $hungUpAt = null,
        ?int $callDuration = null,
        ?int $chargedDuration = null,
        ?string $terminationCode = null,
        ?string $terminationReason = null,
        ?string $cost = null,
        ?string $rate = null,
        ?string $billingPeriod = null,
        ?string $currency = null,
        ?string $recordingFileId = null
    ) {}
}

/**
 * Places calls. Objects with the same settings share one client of the library, which stays with the
 * worker process from request to request, and with it its connections.
 *
 * @strict-properties
 * @not-serializable
 */
final class Client
{
    /**
     * Connects to nothing. What is not given, or null, is taken from php.ini.
     *
     * @param string|null $apiKey itnio.api_key
     * @param string|null $apiSecret itnio.api_secret
     * @param string|null $baseUrl itnio.base_url, or the API's own address. `http://` is accepted for
     *        loopback hosts only
     * @param string|null $caFile itnio.ca_file, or the system's trust store: the certificates to trust,
     *        in PEM. Verification cannot be switched off
     * @param string|null $proxy itnio.proxy, or what the environment says (HTTPS_PROXY, ALL_PROXY,
     *        NO_PROXY); "": no proxy
     * @param float|null $connectTimeout itnio.connect_timeout, or 5: the most that a connection may take,
     *        in seconds
     * @param float|null $timeout itnio.timeout, or 30: the most that a call may take, in seconds
     *
     * @throws \ValueError for a setting that cannot be used
     * @throws FailureException where the system's trust store cannot be used, or the process has no
     *         descriptor or memory left
     */
    public function __construct(
        #[\SensitiveParameter] ?string $apiKey = null,
        #[\SensitiveParameter] ?string $apiSecret = null,
        ?string $baseUrl = null,
        ?string $caFile = null,
        #[\SensitiveParameter] ?string $proxy = null,
        ?float $connectTimeout = null,
        ?float $timeout = null
    ) {}

    /**
     * Places a call, and waits for the API's response. The request is sent at most once.
     *
     * @param string $callee the number to call: 7 to 15 digits, country code and number
     * @param string $account the phone's account
     * @param string $appId the voice application's ID
     * @param string|null $displayNum the number to show: 7 to 15 digits
     * @param string|null $calledInfo text that goes with the call, up to 1000 characters
     * @param float|null $timeout the most that this call may take, in seconds; null: the client's
     *
     * @throws RefusedException the API refused the call
     * @throws FailureException whatever else went wrong
     * @throws \ValueError an argument that cannot be sent: empty where it is required, not UTF-8, or
     *         with a null byte in it
     */
    public function sendSip(
        string $callee,
        string $account,
        string $appId,
        ?string $displayNum = null,
        ?string $calledInfo = null,
        ?float $timeout = null
    ): Recording {}

    /**
     * Looks a call up that is in doubt: was one like it placed? For after a sendSip() whose exception says that
     * it may have dialed.
     *
     *     $since = time();
     *     try {
     *         $recording = $client->sendSip(...$call);
     *     } catch (Itnio\Exception $e) {
     *         $recording = $e->mayHaveDialed() ? $client->findCall($since, 10, ...$call) : null;
     *     }
     *
     * The API is asked at once, and where it has no record yet, again with growing pauses, until the patience is
     * over; the last request may take the time of a call beyond that. Recording IDs that this client has handed
     * out in this process, by this function too, do not count, and no call is found while another one to the same
     * callee is in progress on it. What cannot be told apart is a call that somebody else, another worker too,
     * placed to the same number since then.
     *
     * It never places a call. max_execution_time does not end it on Linux, where that is the processor's time,
     * and a signal's handler runs once it has returned. FPM's request_terminate_timeout ends it, with its worker.
     *
     * @param int $since the time before sendSip() was called, in Unix seconds (time()); the server's clock is
     *        allowed for
     * @param float $patience how long to go on looking, in seconds; 0: look once
     * @param string $callee as it was given to sendSip(), as all that follow; it has to be that of the record,
     *        and so has the number to show, where there is one
     * @param float|null $timeout the most that one look may take, in seconds; null: the client's
     *
     * @return Recording the call was placed
     *
     * @throws FailureException the call is still in doubt: NO_RECORD, SEVERAL_RECORDS, RECORDS_FAILED or
     *         INTERNAL_ERROR. Nothing proves that a call was not placed
     * @throws \ValueError an argument that cannot be used; it does not say either that the call was not placed
     */
    public function findCall(
        int $since,
        float $patience,
        string $callee,
        string $account,
        string $appId,
        ?string $displayNum = null,
        ?string $calledInfo = null,
        ?float $timeout = null
    ): Recording {}

    /**
     * Reads the API's record of one call, by its recording ID.
     *
     * It changes nothing, so the request is sent once more where the connection is lost, within the same time.
     *
     * @throws RefusedException the API refused it: status -24 where there is no such record
     * @throws FailureException whatever else went wrong
     * @throws \ValueError a recording ID that cannot be sent
     */
    public function getRecord(string $recordingId): Record {}

    /**
     * Reads the API's records of many calls: all pages, the newest first.
     *
     * It changes nothing, so each request is sent once more where its connection is lost, within the same time.
     * A record without a time of submission counts as one in the time asked for.
     *
     * @param int $since calls that were submitted at this time or later, in Unix seconds of this host's clock. The
     *        API's documentation has records of the last two months
     * @param int|null $until calls that were submitted at this time or before; null: now
     * @param string|null $callee the number that was called; null, as for the next three: any
     * @param string|null $displayNum the number that was shown
     * @param string|null $phoneName the phone's name (which is not its account)
     * @param string|null $phoneGroup the name of the phone's group
     * @param int|null $maxRecords the most records that are handed out, the newest ones; null: 100
     * @param float|null $timeout the most that it may take, in seconds, however many pages there are; null: the
     *        client's
     *
     * @return Record[] may be empty
     *
     * @throws RefusedException the API refused it
     * @throws FailureException whatever else went wrong; BAD_RESPONSE also for more than 100,000 calls in 30 days
     * @throws \ValueError an argument that cannot be used
     */
    public function findRecords(
        int $since,
        ?int $until = null,
        ?string $callee = null,
        ?string $displayNum = null,
        ?string $phoneName = null,
        ?string $phoneGroup = null,
        ?int $maxRecords = null,
        ?float $timeout = null
    ): array {}

    /**
     * The version of the library, such as "0.1.0".
     */
    public static function version(): string {}
}
