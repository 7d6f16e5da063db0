"""The routing script, with a client that is made and used before Kamailio forks its workers. They all use
that one, and its connection, on."""

import dialer


class BeforeFork(dialer.Dialer):
    def __init__(self):
        super().__init__()
        self.client = dialer.new_client()
        self.client.send_sip(callee="8610000000", account=self.account, app_id=self.app_id)

    def child_init(self, _rank):
        return 0


def mod_init():
    return BeforeFork()
