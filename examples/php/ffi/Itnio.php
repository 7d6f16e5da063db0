<?php

/**
 * The classes of the extension (see ../ext/itnio.stub.php for what each promises) over FFI, for those who
 * cannot install one. Two things differ:
 *
 *   - A client ends with its object, and its connections with it: FFI keeps nothing between requests.
 *     In a long-running script (a queue's worker) make one and keep it; under FPM prefer the extension.
 *   - php.ini: what the extension reads as itnio.* is read from php.ini proper only, not from a pool's
 *     php_admin_value, and not changed by ini_set().
 *
 * It needs PHP 8.2 with FFI. In php.ini:
 *
 *     ffi.enable = 1                        ; or, under FPM: opcache.preload = /path/to/Itnio.php
 *     itnio.library = /path/to/libitnio.so  ; if not where the loader looks
 *     itnio.header = /path/to/itnio.h       ; if neither in this repository nor installed
 */

declare(strict_types=1);

namespace Itnio;

use FFI;
use FFI\CData;

abstract class Exception extends \RuntimeException
{
    abstract public function mayHaveDialed(): bool;
}

final class RefusedException extends Exception
{
    public const REJECTED = 1;

    private int $status;
    private bool $isLook = false;

    public function __construct(int $status, string $reason = "")
    {
        $this->status = $status;
        $reason = $reason === "" ? $this->getStatusMessage() : $reason;
        parent::__construct("the API refused the call with status $status: $reason", self::REJECTED);
    }

    public function getStatus(): int
    {
        return $this->status;
    }

    public function getStatusMessage(): string
    {
        return Library::load()->itnio_status_message(Library::narrowed($this->status));
    }

    public function mayHaveDialed(): bool
    {
        return $this->isLook || Library::load()->itnio_may_have_dialed(self::REJECTED);
    }
}

final class FailureException extends Exception
{
    public const RESOLVE_FAILED = 3;
    public const CONNECT_FAILED = 4;
    public const TLS_FAILED = 5;
    public const PROXY_FAILED = 6;
    public const SHUT_DOWN = 7;
    public const TIMED_OUT = 10;
    public const CONNECTION_LOST = 11;
    public const HTTP_ERROR = 12;
    public const BAD_RESPONSE = 13;
    public const INTERNAL_ERROR = 14;
    public const NO_RECORD = 15;
    public const SEVERAL_RECORDS = 16;
    public const RECORDS_FAILED = 17;

    private bool $isLook = false;

    public function __construct(int $result, string $reason = "")
    {
        $message = $reason === ""
            ? Library::load()->itnio_result_message(Library::narrowed($result))
            : $reason;
        parent::__construct($message, $result);
    }

    public function mayHaveDialed(): bool
    {
        return $this->isLook || Library::load()->itnio_may_have_dialed(Library::narrowed($this->code));
    }
}

final class Recording
{
    public function __construct(public readonly string $id)
    {
    }
}

final class Record
{
    public function __construct(
        public readonly string $recordingId,
        public readonly ?string $callee = null,
        public readonly ?string $displayNum = null,
        public readonly ?string $phoneName = null,
        public readonly ?string $phoneGroup = null,
        public readonly ?string $region = null,
        public readonly ?string $submitTime = null,
        public readonly ?string $callTime = null,
        public readonly ?string $ringingTime = null,
        public readonly ?string $answerTime = null,
        public readonly ?string $hangupTime = null,
        public readonly ?int $submittedAt = null,
        public readonly ?int $calledAt = null,
        public readonly ?int $ringingAt = null,
        public readonly ?int $answeredAt = null,
        public readonly ?int $hungUpAt = null,
        public readonly ?int $callDuration = null,
        public readonly ?int $chargedDuration = null,
        public readonly ?string $terminationCode = null,
        public readonly ?string $terminationReason = null,
        public readonly ?string $cost = null,
        public readonly ?string $rate = null,
        public readonly ?string $billingPeriod = null,
        public readonly ?string $currency = null,
        public readonly ?string $recordingFileId = null
    ) {
    }
}

final class Client
{
    /**
     * The library's clients, by the number of the object that each belongs to. Not in a property: there
     * var_dump(), clone and (array) would find it.
     *
     * @var array<int, CData>
     */
    private static array $clients = [];

    public function __construct(
        #[\SensitiveParameter] ?string $apiKey = null,
        #[\SensitiveParameter] ?string $apiSecret = null,
        ?string $baseUrl = null,
        ?string $caFile = null,
        #[\SensitiveParameter] ?string $proxy = null,
        ?float $connectTimeout = null,
        ?float $timeout = null
    ) {
        $apiKey ??= self::setting('api_key')
            ?? throw Texts::mistake(__METHOD__, 1, 'apiKey', 'must be given, or itnio.api_key in php.ini');
        $apiSecret ??= self::setting('api_secret')
            ?? throw Texts::mistake(__METHOD__, 2, 'apiSecret', 'must be given, or itnio.api_secret in php.ini');
        // Here, empty is "no proxy".
        $proxyIni = get_cfg_var('itnio.proxy');

        $c = Library::load();
        $texts = new Texts($c, __METHOD__);
        $config = $c->new('itnio_config');
        $config->api_key = $texts->argument(1, 'apiKey', $apiKey);
        $config->api_secret = $texts->argument(2, 'apiSecret', $apiSecret);
        $config->base_url = $texts->argument(3, 'baseUrl', $baseUrl ?? self::setting('base_url'));
        $config->ca_file = $texts->argument(4, 'caFile', $caFile ?? self::setting('ca_file'));
        $config->proxy = $texts->argument(5, 'proxy', $proxy ?? ($proxyIni === false ? null : $proxyIni));
        $config->connect_timeout_ms = self::timeout(__METHOD__, 6, 'connectTimeout', $connectTimeout)
            ?? self::milliseconds(self::setting('connect_timeout')) ?? 0;
        $config->timeout_ms = self::timeout(__METHOD__, 7, 'timeout', $timeout)
            ?? self::milliseconds(self::setting('timeout')) ?? 0;

        $client = $c->new('itnio_client *');
        $reason = $c->new('char *');
        $result = $c->itnio_client_new(FFI::addr($config), FFI::addr($client), FFI::addr($reason));
        if ($result !== $c->ITNIO_OK) {
            throw self::failure(__METHOD__, $result, null, Library::taken($reason));
        }
        self::freeAfterFatalErrors();
        $id = spl_object_id($this);
        // The constructor may have been called by hand before.
        self::free($id);
        self::$clients[$id] = $client;
    }

    public function __destruct()
    {
        self::free(spl_object_id($this));
    }

    private function __clone()
    {
    }

    public function __serialize(): array
    {
        throw new \Exception("Serialization of '" . self::class . "' is not allowed");
    }

    public function __unserialize(array $data): void
    {
        throw new \Exception("Unserialization of '" . self::class . "' is not allowed");
    }

    public function sendSip(
        string $callee,
        string $account,
        string $appId,
        ?string $displayNum = null,
        ?string $calledInfo = null,
        ?float $timeout = null
    ): Recording {
        $client = $this->client();
        $c = Library::load();
        $texts = new Texts($c, __METHOD__);
        $request = $c->new('itnio_sip_request');
        $request->callee = $texts->argument(1, 'callee', $callee);
        $request->account = $texts->argument(2, 'account', $account);
        $request->app_id = $texts->argument(3, 'appId', $appId);
        $request->display_num = $texts->argument(4, 'displayNum', $displayNum);
        $request->called_info = $texts->argument(5, 'calledInfo', $calledInfo);
        $request->timeout_ms = self::timeout(__METHOD__, 6, 'timeout', $timeout) ?? 0;

        return new Recording(Library::taken(self::checked(
            __METHOD__,
            'char *',
            fn (...$outs) => $c->itnio_send_sip($client, FFI::addr($request), ...$outs)
        )));
    }

    public function findCall(
        int $since,
        float $patience,
        string $callee,
        string $account,
        string $appId,
        ?string $displayNum = null,
        ?string $calledInfo = null,
        ?float $timeout = null
    ): Recording {
        $client = $this->client();
        $c = Library::load();
        $texts = new Texts($c, __METHOD__);
        $request = $c->new('itnio_sip_request');
        $request->callee = $texts->argument(3, 'callee', $callee);
        $request->account = $texts->argument(4, 'account', $account);
        $request->app_id = $texts->argument(5, 'appId', $appId);
        $request->display_num = $texts->argument(6, 'displayNum', $displayNum);
        $request->called_info = $texts->argument(7, 'calledInfo', $calledInfo);
        $request->timeout_ms = self::timeout(__METHOD__, 8, 'timeout', $timeout) ?? 0;
        $patienceMs = $patience === 0.0 ? 0 : self::milliseconds($patience)
            ?? throw Texts::mistake(__METHOD__, 2, 'patience', 'must be a number of seconds that is not negative');

        return new Recording(Library::taken(self::checked(
            __METHOD__,
            'char *',
            fn (...$outs) => $c->itnio_find_call($client, FFI::addr($request), $since, $patienceMs, ...$outs)
        )));
    }

    public function getRecord(string $recordingId): Record
    {
        $client = $this->client();
        $c = Library::load();
        $texts = new Texts($c, __METHOD__);
        $id = $texts->argument(1, 'recordingId', $recordingId);

        return self::records(self::checked(
            __METHOD__,
            'itnio_records *',
            fn (...$outs) => $c->itnio_get_record($client, $id, ...$outs)
        ))[0];
    }

    public function findRecords(
        int $since,
        ?int $until = null,
        ?string $callee = null,
        ?string $displayNum = null,
        ?string $phoneName = null,
        ?string $phoneGroup = null,
        ?int $maxRecords = null,
        ?float $timeout = null
    ): array {
        $client = $this->client();
        $c = Library::load();
        $texts = new Texts($c, __METHOD__);
        $query = $c->new('itnio_record_query');
        $query->since = $since;
        $query->until = $until ?? 0;
        $query->callee = $texts->argument(3, 'callee', $callee);
        $query->display_num = $texts->argument(4, 'displayNum', $displayNum);
        $query->phone_name = $texts->argument(5, 'phoneName', $phoneName);
        $query->phone_group = $texts->argument(6, 'phoneGroup', $phoneGroup);
        $query->timeout_ms = self::timeout(__METHOD__, 8, 'timeout', $timeout) ?? 0;
        if ($maxRecords !== null && ($maxRecords < 1 || $maxRecords > 0xFFFF_FFFF)) {
            throw Texts::mistake(__METHOD__, 7, 'maxRecords', 'must be between 1 and 4294967295');
        }
        $query->max_records = $maxRecords ?? 0;

        return self::records(self::checked(
            __METHOD__,
            'itnio_records *',
            fn (...$outs) => $c->itnio_find_records($client, FFI::addr($query), ...$outs)
        ));
    }

    public static function version(): string
    {
        return Library::load()->itnio_version();
    }

    /** php.ini's, where empty is the same as nothing. */
    private static function setting(string $name): ?string
    {
        $value = get_cfg_var("itnio.$name");
        return is_string($value) && $value !== '' ? $value : null;
    }

    /** A time-out in seconds as the library counts it; null where it cannot be one. */
    private static function milliseconds(float|string|null $seconds): ?int
    {
        $rounded = is_numeric($seconds) ? ceil($seconds * 1000) : 0;
        // NaN is in no range.
        return $rounded >= 1 && $rounded <= 0xFFFF_FFFF ? (int) $rounded : null;
    }

    /** A time-out that is an argument, as the library counts it. */
    private static function timeout(string $method, int $position, string $name, ?float $seconds): ?int
    {
        return $seconds === null ? null : self::milliseconds($seconds)
            ?? throw Texts::mistake($method, $position, $name, 'must be a number of seconds that is greater than 0');
    }

    private function client(): CData
    {
        return self::$clients[spl_object_id($this)]
            ?? throw new \Error('The Itnio\Client object has not been constructed');
    }

    /**
     * Calls a function of the library with its three out-parameters, and gives the second of them.
     *
     * @param string $type of the second
     */
    private static function checked(string $method, string $type, \Closure $call): CData
    {
        $c = Library::load();
        $status = $c->new('int32_t');
        $value = $c->new($type);
        $reason = $c->new('char *');
        $result = $call(FFI::addr($status), FFI::addr($value), FFI::addr($reason));
        if ($result !== $c->ITNIO_OK) {
            $exception = self::failure($method, $result, $status->cdata, Library::taken($reason));
            if ($type === 'itnio_records *' && $exception instanceof Exception) {
                // It says nothing about a phone.
                (fn () => $this->isLook = true)->call($exception);
            }
            throw $exception;
        }
        return $value;
    }

    /**
     * What the library handed out, as objects of PHP's own.
     *
     * @return list<Record>
     */
    private static function records(CData $list): array
    {
        $c = Library::load();
        try {
            $records = [];
            for ($i = 0, $count = $c->itnio_records_count($list); $i < $count; $i++) {
                $record = $c->itnio_records_get($list, $i);
                $records[] = new Record(
                    $record->recording_id,
                    $record->callee,
                    $record->display_num,
                    $record->phone_name,
                    $record->phone_group,
                    $record->region,
                    $record->submit_time,
                    $record->call_time,
                    $record->ringing_time,
                    $record->answer_time,
                    $record->hangup_time,
                    $record->submitted_at ?: null,
                    $record->called_at ?: null,
                    $record->ringing_at ?: null,
                    $record->answered_at ?: null,
                    $record->hung_up_at ?: null,
                    $record->call_duration_s < 0 ? null : $record->call_duration_s,
                    $record->charged_duration_s < 0 ? null : $record->charged_duration_s,
                    $record->termination_code,
                    $record->termination_reason,
                    $record->cost,
                    $record->rate,
                    $record->billing_period,
                    $record->currency,
                    $record->recording_file_id
                );
            }
            return $records;
        } finally {
            $c->itnio_records_free($list);
        }
    }

    private static function failure(string $method, int $result, ?int $status, ?string $reason): \Throwable
    {
        $c = Library::load();
        return match ($result) {
            $c->ITNIO_INVALID_ARGUMENT => new \ValueError("$method(): $reason"),
            $c->ITNIO_REJECTED => new RefusedException($status, $reason ?? ''),
            default => new FailureException($result, $reason ?? ''),
        };
    }

    private static function free(int $id): void
    {
        Library::load()->itnio_client_free(self::$clients[$id] ?? null);
        unset(self::$clients[$id]);
    }

    /**
     * After a fatal error (memory or time is over, say) PHP calls no destructor: the clients would stay
     * in an FPM worker for as long as it lives.
     */
    private static function freeAfterFatalErrors(): void
    {
        static $registered = false;
        if ($registered) {
            return;
        }
        $registered = true;
        register_shutdown_function(static function (): void {
            $fatal = E_ERROR | E_CORE_ERROR | E_COMPILE_ERROR | E_USER_ERROR | E_RECOVERABLE_ERROR | E_PARSE;
            if (((error_get_last()['type'] ?? 0) & $fatal) !== 0) {
                // After the shutdown functions that are registered by now: they may still place a call.
                register_shutdown_function(static function (): void {
                    array_map(self::free(...), array_keys(self::$clients));
                });
            }
        });
    }
}

/**
 * Strings for C: copies that live as long as this does.
 *
 * @internal
 */
final class Texts
{
    /** @var list<CData> */
    private array $copies = [];

    /** @param string $method whose arguments they are, for what an exception says */
    public function __construct(private readonly FFI $c, private readonly string $method)
    {
    }

    public function argument(int $position, string $name, #[\SensitiveParameter] ?string $text): ?CData
    {
        if ($text === null) {
            return null;
        }
        if (str_contains($text, "\0")) {
            throw self::mistake($this->method, $position, $name, 'must not contain any null bytes');
        }
        // It comes as zeros, and so with its end.
        $copy = $this->c->new('char[' . strlen($text) + 1 . ']');
        FFI::memcpy($copy, $text, strlen($text));
        $this->copies[] = $copy;
        return $this->c->cast('char *', $copy);
    }

    public static function mistake(string $method, int $position, string $name, string $what): \ValueError
    {
        return new \ValueError("$method(): Argument #$position (\$$name) $what");
    }

    /** Overwrites them: a secret may be among them. */
    public function __destruct()
    {
        foreach ($this->copies as $copy) {
            FFI::memset($copy, 0, FFI::sizeof($copy));
        }
    }
}

/**
 * The C library, declared by the text of its own header.
 *
 * @internal
 */
final class Library
{
    private static ?FFI $ffi = null;

    public static function load(): FFI
    {
        return self::$ffi ??= self::open();
    }

    /** What the library handed out, as a string of PHP's own. */
    public static function taken(CData $pointer): ?string
    {
        if (FFI::isNull($pointer)) {
            return null;
        }
        $text = FFI::string($pointer);
        self::load()->itnio_free_string($pointer);
        return $text;
    }

    /** What is no int32_t is no status and no result; what it means is for the library to say. */
    public static function narrowed(int $number): int
    {
        $least = -0x8000_0000;
        return $number >= $least && $number <= 0x7FFF_FFFF ? $number : $least;
    }

    private static function open(): FFI
    {
        $header = file_get_contents(self::header());
        // The soname has the major version, before 1.0 the minor one, too.
        preg_match('/^#define ITNIO_VERSION "((?:0\.)?\d+)/m', $header, $version)
            || throw new \RuntimeException(self::header() . ' is not the header of libitnio');
        return FFI::cdef(self::declarations($header), get_cfg_var('itnio.library') ?: "libitnio.so.$version[1]");
    }

    private static function header(): string
    {
        $places = [
            get_cfg_var('itnio.header') ?: __DIR__ . '/../../../include/itnio.h',
            '/usr/local/include/itnio.h',
            '/usr/include/itnio.h',
        ];
        foreach ($places as $place) {
            if (is_readable($place)) {
                return $place;
            }
        }
        throw new \RuntimeException('itnio.h is not found: set itnio.header in php.ini');
    }

    /** The header without what FFI does not know: comments, the preprocessor's lines, and C++. */
    private static function declarations(string $header): string
    {
        return preg_replace(
            ['~/\*.*?\*/~s', '~^#ifdef __cplusplus.*?^#endif.*?$~ms', '~^#.*$~m'],
            '',
            $header
        );
    }
}
