<?php

/* A call of each kind, and more clients than are kept: for valgrind. */

declare(strict_types=1);

foreach (['8613800138000', '8613800138010', '8613800138091', '8613800138092', '8613800138093', '', "\xff"] as $callee) {
    try {
        (new Itnio\Client())->sendSip($callee, '8001', '4', '4930123456', 'text');
    } catch (Itnio\Exception | ValueError) {
        // As it should.
    }
}
for ($i = 1; $i <= 40; $i++) {
    (new Itnio\Client(timeout: $i))->sendSip('8613800138000', '8001', '4');
}
try {
    new Itnio\Client(baseUrl: 'no URL');
} catch (ValueError) {
    echo "done\n";
}
