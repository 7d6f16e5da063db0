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
        return Library::load()->itnio_may_have_dialed(self::REJECTED);
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

    public function __construct(int $result, string $reason = "")
    {
        $message = $reason === ""
            ? Library::load()->itnio_result_message(Library::narrowed($result))
            : $reason;
        parent::__construct($message, $result);
    }

    public function mayHaveDialed(): bool
    {
        return Library::load()->itnio_may_have_dialed(Library::narrowed($this->code));
    }
}

final class Recording
{
    public function __construct(public readonly string $id)
    {
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
        $config->connect_timeout_ms = $connectTimeout === null
            ? self::milliseconds(self::setting('connect_timeout')) ?? 0
            : self::milliseconds($connectTimeout) ?? throw self::notSeconds(6, 'connectTimeout');
        $config->timeout_ms = $timeout === null
            ? self::milliseconds(self::setting('timeout')) ?? 0
            : self::milliseconds($timeout) ?? throw self::notSeconds(7, 'timeout');

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
        ?string $calledInfo = null
    ): Recording {
        $client = self::$clients[spl_object_id($this)]
            ?? throw new \Error('The Itnio\Client object has not been constructed');

        $c = Library::load();
        $texts = new Texts($c, __METHOD__);
        $request = $c->new('itnio_sip_request');
        $request->callee = $texts->argument(1, 'callee', $callee);
        $request->account = $texts->argument(2, 'account', $account);
        $request->app_id = $texts->argument(3, 'appId', $appId);
        $request->display_num = $texts->argument(4, 'displayNum', $displayNum);
        $request->called_info = $texts->argument(5, 'calledInfo', $calledInfo);

        $status = $c->new('int32_t');
        $id = $c->new('char *');
        $reason = $c->new('char *');
        $result = $c->itnio_send_sip(
            $client,
            FFI::addr($request),
            FFI::addr($status),
            FFI::addr($id),
            FFI::addr($reason)
        );
        if ($result !== $c->ITNIO_OK) {
            throw self::failure(__METHOD__, $result, $status->cdata, Library::taken($reason));
        }
        return new Recording(Library::taken($id));
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

    private static function notSeconds(int $position, string $name): \ValueError
    {
        return Texts::mistake(
            self::class . '::__construct',
            $position,
            $name,
            'must be a number of seconds that is greater than 0'
        );
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
