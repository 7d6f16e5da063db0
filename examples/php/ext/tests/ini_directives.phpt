--TEST--
php.ini: who may change what, what is no time, and no secret in phpinfo()
--SKIPIF--
<?php require 'needs_extension.inc' ?>
--INI--
itnio.api_key=the key
itnio.api_secret=topsecret
itnio.proxy=http://user:pa55word@127.0.0.1:1
--FILE--
<?php
foreach (['api_key', 'api_secret', 'base_url', 'ca_file', 'proxy', 'max_persistent'] as $name) {
    var_dump(ini_set("itnio.$name", '1'));
}
foreach (['2.5', '', '0', '-1', 'soon', '1e9'] as $seconds) {
    var_dump(ini_set('itnio.timeout', $seconds));
}
var_dump(ini_get('itnio.timeout'), ini_set('itnio.connect_timeout', 7), ini_get('itnio.connect_timeout'));
ini_restore('itnio.connect_timeout');
var_dump(ini_get('itnio.connect_timeout'));

ob_start();
phpinfo(INFO_CONFIGURATION | INFO_MODULES);
(new ReflectionExtension('itnio'))->info();
$shown = ob_get_clean();
var_dump(substr_count($shown, 'itnio.api_secret => (not shown) => (not shown)'));
foreach (['the key', 'topsecret', 'pa55word'] as $secret) {
    var_dump(str_contains($shown, $secret));
}
?>
--EXPECTF--
bool(false)
bool(false)
bool(false)
bool(false)
bool(false)
bool(false)
string(0) ""
string(3) "2.5"

Warning: itnio.timeout must be a number of seconds that is greater than 0, "0" given in %s on line %d
bool(false)

Warning: itnio.timeout must be a number of seconds that is greater than 0, "-1" given in %s on line %d
bool(false)

Warning: itnio.timeout must be a number of seconds that is greater than 0, "soon" given in %s on line %d
bool(false)

Warning: itnio.timeout must be a number of seconds that is greater than 0, "1e9" given in %s on line %d
bool(false)
string(0) ""
string(0) ""
string(1) "7"
string(0) ""
int(2)
bool(false)
bool(false)
bool(false)
