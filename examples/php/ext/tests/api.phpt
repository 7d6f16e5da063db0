--TEST--
The classes are what the stub says
--FILE--
<?php

/* Private members and what PHP calls by itself (__destruct and the like) are not part of the API. */
function signature(ReflectionMethod $method): string
{
    $parameters = array_map(
        fn ($parameter) => implode('', array_map(
            fn ($attribute) => "#[{$attribute->getName()}] ",
            $parameter->getAttributes()
        )) . "{$parameter->getType()} \${$parameter->getName()}"
            . ($parameter->isOptional() ? ' = ' . var_export($parameter->getDefaultValue(), true) : ''),
        $method->getParameters()
    );
    return implode(' ', Reflection::getModifierNames($method->getModifiers()))
        . " {$method->getName()}(" . implode(', ', $parameters) . ')'
        . ($method->hasReturnType() ? ": {$method->getReturnType()}" : '');
}

foreach (['Client', 'Recording', 'Record', 'Exception', 'RefusedException', 'FailureException'] as $name) {
    $class = new ReflectionClass("Itnio\\$name");
    echo implode(' ', Reflection::getModifierNames($class->getModifiers())), " {$class->getName()}";
    echo $class->getParentClass() ? " extends {$class->getParentClass()->getName()}\n" : "\n";
    foreach ($class->getReflectionConstants() as $constant) {
        echo "  {$constant->getName()} = {$constant->getValue()}\n";
    }
    foreach ($class->getProperties(ReflectionProperty::IS_PUBLIC) as $property) {
        echo '  ', implode(' ', Reflection::getModifierNames($property->getModifiers()));
        echo " {$property->getType()} \${$property->getName()}\n";
    }
    foreach ($class->getMethods(ReflectionMethod::IS_PUBLIC) as $method) {
        $magic = str_starts_with($method->getName(), '__') && !$method->isConstructor();
        if ($method->getDeclaringClass() == $class && !$magic) {
            echo '  ', signature($method), "\n";
        }
    }
}
echo Itnio\Client::version(), "\n";
?>
--EXPECTF--
final Itnio\Client
  public __construct(#[SensitiveParameter] ?string $apiKey = NULL, #[SensitiveParameter] ?string $apiSecret = NULL, ?string $baseUrl = NULL, ?string $caFile = NULL, #[SensitiveParameter] ?string $proxy = NULL, ?float $connectTimeout = NULL, ?float $timeout = NULL)
  public sendSip(string $callee, string $account, string $appId, ?string $displayNum = NULL, ?string $calledInfo = NULL, ?float $timeout = NULL): Itnio\Recording
  public findCall(int $since, float $patience, string $callee, string $account, string $appId, ?string $displayNum = NULL, ?string $calledInfo = NULL, ?float $timeout = NULL): Itnio\Recording
  public getRecord(string $recordingId): Itnio\Record
  public findRecords(int $since, ?int $until = NULL, ?string $callee = NULL, ?string $displayNum = NULL, ?string $phoneName = NULL, ?string $phoneGroup = NULL, ?int $maxRecords = NULL, ?float $timeout = NULL): array
  public static version(): string
final Itnio\Recording
  public readonly string $id
  public __construct(string $id)
final Itnio\Record
  public readonly string $recordingId
  public readonly ?string $callee
  public readonly ?string $displayNum
  public readonly ?string $phoneName
  public readonly ?string $phoneGroup
  public readonly ?string $region
  public readonly ?string $submitTime
  public readonly ?string $callTime
  public readonly ?string $ringingTime
  public readonly ?string $answerTime
  public readonly ?string $hangupTime
  public readonly ?int $submittedAt
  public readonly ?int $calledAt
  public readonly ?int $ringingAt
  public readonly ?int $answeredAt
  public readonly ?int $hungUpAt
  public readonly ?int $callDuration
  public readonly ?int $chargedDuration
  public readonly ?string $terminationCode
  public readonly ?string $terminationReason
  public readonly ?string $cost
  public readonly ?string $rate
  public readonly ?string $billingPeriod
  public readonly ?string $currency
  public readonly ?string $recordingFileId
  public __construct(string $recordingId, ?string $callee = NULL, ?string $displayNum = NULL, ?string $phoneName = NULL, ?string $phoneGroup = NULL, ?string $region = NULL, ?string $submitTime = NULL, ?string $callTime = NULL, ?string $ringingTime = NULL, ?string $answerTime = NULL, ?string $hangupTime = NULL, ?int $submittedAt = NULL, ?int $calledAt = NULL, ?int $ringingAt = NULL, ?int $answeredAt = NULL, ?int $hungUpAt = NULL, ?int $callDuration = NULL, ?int $chargedDuration = NULL, ?string $terminationCode = NULL, ?string $terminationReason = NULL, ?string $cost = NULL, ?string $rate = NULL, ?string $billingPeriod = NULL, ?string $currency = NULL, ?string $recordingFileId = NULL)
abstract Itnio\Exception extends RuntimeException
  abstract public mayHaveDialed(): bool
final Itnio\RefusedException extends Itnio\Exception
  REJECTED = 1
  public __construct(int $status, string $reason = '')
  public getStatus(): int
  public getStatusMessage(): string
  public mayHaveDialed(): bool
final Itnio\FailureException extends Itnio\Exception
  RESOLVE_FAILED = 3
  CONNECT_FAILED = 4
  TLS_FAILED = 5
  PROXY_FAILED = 6
  SHUT_DOWN = 7
  TIMED_OUT = 10
  CONNECTION_LOST = 11
  HTTP_ERROR = 12
  BAD_RESPONSE = 13
  INTERNAL_ERROR = 14
  NO_RECORD = 15
  SEVERAL_RECORDS = 16
  RECORDS_FAILED = 17
  public __construct(int $result, string $reason = '')
  public mayHaveDialed(): bool
%d.%d.%d
