<?php

/* A call in php-fpm's master, before it forks its workers: its client is theirs, too. */

(new Itnio\Client(timeout: 30))->sendSip('4900000000', '8001', '4');
