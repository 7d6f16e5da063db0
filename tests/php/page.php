<?php

/* What php-fpm serves in the tests: a call, with a client of the request's own as far as it knows. */

declare(strict_types=1);

header('Content-Type: application/json');
$client = new Itnio\Client();
$answer = ['pid' => getmypid()];
if (isset($_GET['callee'])) {
    try {
        $answer['id'] = $client->sendSip($_GET['callee'], '8001', '4')->id;
    } catch (Itnio\Exception $exception) {
        $answer['may_have_dialed'] = $exception->mayHaveDialed();
        $answer['code'] = $exception->getCode();
    }
}
if (isset($_GET['crash'])) {
    throw new LogicException('as if the page had a bug');
}
echo json_encode($answer);
