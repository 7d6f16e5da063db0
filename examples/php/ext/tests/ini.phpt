--TEST--
php.ini has the settings that the constructor is not given
--SKIPIF--
<?php require 'needs_sandbox.inc' ?>
--INI--
itnio.api_key=${ITNIO_API_KEY}
itnio.api_secret=${ITNIO_API_SECRET}
itnio.base_url=${ITNIO_BASE_URL}
itnio.ca_file=${ITNIO_CA_FILE}
itnio.proxy=
itnio.connect_timeout=10
itnio.timeout=0.5
--ENV--
HTTPS_PROXY=http://127.0.0.1:1
--FILE--
<?php
require 'common.inc';

echo strlen((new Itnio\Client())->sendSip('8613800138000', '1001', 'my-app')->id), "\n";
echo thrown(fn () => (new Itnio\Client(apiSecret: 'wrong'))->sendSip('8613800138000', '1001', 'my-app')), "\n";
try {
    (new Itnio\Client())->sendSip('8613800138094', '1001', 'my-app');
} catch (Itnio\FailureException $failure) {
    var_dump($failure->getCode() === Itnio\FailureException::TIMED_OUT);
}
// An argument goes first: this call takes 2 s.
echo strlen((new Itnio\Client(timeout: 30))->sendSip('8613800138095', '1001', 'my-app')->id), "\n";
?>
--EXPECTF--
19
Itnio\RefusedException: the API refused the call with status -1: %s
bool(true)
19
