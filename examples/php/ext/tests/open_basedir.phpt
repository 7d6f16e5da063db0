--TEST--
A script's certificates lie within open_basedir; php.ini's may lie elsewhere
--SKIPIF--
<?php require 'needs_sandbox.inc'; require 'needs_extension.inc' ?>
--INI--
itnio.api_key=${ITNIO_API_KEY}
itnio.api_secret=${ITNIO_API_SECRET}
itnio.base_url=${ITNIO_BASE_URL}
itnio.ca_file=${ITNIO_CA_FILE}
--FILE--
<?php
require 'common.inc';

ini_set('open_basedir', __DIR__);
echo thrown(fn () => sandbox()), "\n";
echo strlen((new Itnio\Client(proxy: ''))->sendSip('8613800138000', '1001', 'my-app')->id), "\n";
?>
--EXPECT--
ValueError: Itnio\Client::__construct(): Argument #4 ($caFile) must be within open_basedir
19
