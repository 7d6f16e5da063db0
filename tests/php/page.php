<?php

/* What php-fpm serves in the tests: a call, with a client that is the request's own as far as it knows. */

declare(strict_types=1);

header('Content-Type: application/json');
$client = new Itnio\Client(timeout: (float) ($_GET['timeout'] ?? 30));
$page = ['pid' => getmypid()];
if (isset($_GET['callee'])) {
    try {
        $page['id'] = $client->sendSip($_GET['callee'], '8001', '4')->id;
    } catch (Itnio\Exception $exception) {
        $page['may_have_dialed'] = $exception->mayHaveDialed();
        $page['code'] = $exception->getCode();
    }
}
if (extension_loaded('itnio')) {
    ob_start();
    (new ReflectionExtension('itnio'))->info();
    preg_match('~Clients of this process\D*(\d+)~', ob_get_clean(), $found);
    $page['clients'] = (int) $found[1];
}
match ($_GET['crash'] ?? 'not at all') {
    'exception' => throw new LogicException('as if the page had a bug'),
    // Another kind of end: no destructor is called.
    'memory' => str_repeat('too much', PHP_INT_MAX >> 8),
    'not at all' => null,
};
echo json_encode($page);
