--TEST--
Neither a dump nor a copy nor a stack trace shows a secret
--INI--
zend.exception_ignore_args=0
zend.exception_string_param_max_len=100
--FILE--
<?php
$client = new Itnio\Client('the key', 'topsecret', 'http://127.0.0.1:1/', proxy: 'http://user:pa55word@127.0.0.1:1');
ob_start();
var_dump($client, (array) $client);
print_r($client);
var_export($client);
echo json_encode($client);
foreach ([
    fn () => clone $client,
    fn () => serialize($client),
    fn () => unserialize('O:12:"Itnio\Client":0:{}')->sendSip('8613800138000', '1001', 'my-app'),
    fn () => $client->sendSip('8613800138000', '1001', 'my-app'),
    fn () => $client->sendSip('', '1001', 'my-app'),
    fn () => new Itnio\Client('the key', 'topsecret', 'no URL', proxy: 'http://user:pa55word@127.0.0.1:1'),
    fn () => new Itnio\Client('the key', "topsecret\0"),
    fn () => new Itnio\Client('the key', 'topsecret', proxy: "http://user:pa55word@\0"),
    fn () => new Itnio\Client('the key', 'topsecret', proxy: 'http://user:pa55word@'),
    fn () => new Itnio\Client('the key', 'topsecret', timeout: -1),
    fn () => new Itnio\Client('the key', 'topsecret', timeout: 'soon'),
    fn () => new Itnio\Client('the key', ['topsecret']),
] as $index => $code) {
    try {
        $code();
        echo "nothing was thrown by number $index\n";
    } catch (Throwable $thrown) {
        echo $thrown, "\n";
        print_r($thrown->getTrace());
    }
}
$shown = ob_get_clean();
var_dump(strlen($shown) > 2000);
foreach (['the key', 'topsecret', 'pa55word', 'nothing was thrown'] as $secret) {
    var_dump(str_contains($shown, $secret));
}
?>
--EXPECT--
bool(true)
bool(false)
bool(false)
bool(false)
bool(false)
