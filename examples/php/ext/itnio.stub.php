<?php

/**
 * Phone calls through the Itniotech voice API. For IDEs, and the source of itnio_arginfo.h:
 * after a change, run PHP's build/gen_stub.php on this file.
 *
 * @generate-class-entries
 */

namespace Itnio;

/**
 * A call could not be placed, or it is unknown whether it was: ask mayHaveDialed() before you redial.
 *
 * A mistake in an argument is a \ValueError instead; nothing was sent then.
 */
abstract class Exception extends \RuntimeException
{
    /**
     * Whether the phone may have rung. False: it has not, and it is safe to try again.
     */
    abstract public function mayHaveDialed(): bool;
}

/**
 * The API answered, and refused the call: no phone rings.
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

    /**
     * @param string $reason the API's own words; empty: the documented meaning of the status
     */
    public function __construct(int $status, string $reason = "") {}

    /**
     * The API's status, such as -10 where the balance is insufficient.
     */
    public function getStatus(): int {}

    /**
     * The meaning that the API's documentation gives to this status.
     */
    public function getStatusMessage(): string {}

    /**
     * Always false.
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
     * @param int $result one of the constants
     * @param string $reason what failed; empty: what the result means in general
     */
    public function __construct(int $result, string $reason = "") {}

    public function mayHaveDialed(): bool {}
}

/**
 * A call that the API has accepted.
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
        ?string $calledInfo = null
    ): Recording {}

    /**
     * The version of the library, such as "0.1.0".
     */
    public static function version(): string {}
}
